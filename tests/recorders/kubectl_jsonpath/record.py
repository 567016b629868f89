"""Records what kubectl prints for JSONPath templates: tests/vectors/kubectl_jsonpath.json.

    python tests/recorders/kubectl_jsonpath/record.py    (needs kubectl 1.33, and no server)

``kubectl label --local`` prints an object of a file in any form, without a server.
"""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

KUBECTL = shutil.which("kubectl") or "kubectl"
VECTORS = Path(__file__).parents[2] / "vectors" / "kubectl_jsonpath.json"
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "ent",
        "namespace": "dev",
        "labels": {"app": "ent", "app.kubernetes.io/name": "ent<&>", "tier": ""},
        "annotations": {"note": 'two\nlines\t"quoted"'},
    },
    "spec": {
        "clusterIP": "10.96.1.1",
        "publishNotReadyAddresses": True,
        "ports": [
            {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080},
            {"name": "https", "port": 443, "protocol": "TCP", "targetPort": "tls"},
            {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
        ],
    },
}
TEMPLATES = [
    "{.metadata.name}", "{$.metadata.name}", "{@.metadata.name}", "{.kind}/{.metadata.name}",
    "{}", "{.}", "{.spec}", "{.spec.ports}", "{.spec.ports[*]}", "{.spec.ports[*].port}",
    "{.spec.ports[0].name}", "{.spec.ports[-1].name}", "{.spec.ports[1:].name}",
    "{.spec.ports[:2].name}", "{.spec.ports[0:3:2].name}", "{.spec.ports[-2:].name}",
    "{.spec.ports[0:0].name}", "{.spec.ports[1:1]}", "{.spec.ports[9]}", "{.spec.ports[-9]}",
    "{.spec.ports[2:9].name}", "{.spec.ports[2:1].name}", "{.spec.ports[0:2:0].name}",
    "{.spec.ports[a]}", "{.spec.ports[", "{.spec[0]}", "{.spec.ports.name}", "{.nope}",
    "{.nope.nope}", "{.spec.ports[*].nope}", "{.metadata.labels}", "{.metadata.labels.app}",
    "{.metadata['name']}", "{.metadata[\"name\"]}", "{.metadata['name','namespace']}",
    "{.metadata.labels.app\\.kubernetes\\.io/name}",
    "{.metadata.labels['app\\.kubernetes\\.io/name']}", "{.metadata.annotations.note}",
    "{.metadata.annotations}", "{.spec.publishNotReadyAddresses}", "{..port}", "{..name}",
    "{.spec..protocol}", "{....port}", "{.spec.ports[?(@.port==80)].name}",
    "{.spec.ports[?(@.port>80)].name}", "{.spec.ports[?(@.port>=80)].name}",
    "{.spec.ports[?(@.port<80)].name}", "{.spec.ports[?(@.port<=80)].name}",
    "{.spec.ports[?(@.port!=80)].name}", "{.spec.ports[?(@.name=='http')].port}",
    "{.spec.ports[?(@.name==\"https\")].port}", "{.spec.ports[?(@.name>'e')].port}",
    "{.spec.ports[?(@.targetPort)].port}", "{.spec.ports[?(@.nope)].port}",
    "{.spec.ports[?(@.nope=='x')].port}", "{.spec.ports[?(@.port=='80')].port}",
    "{.spec.ports[?(@.port==80.5)].port}", "{.spec.ports[?(@.port=80)].port}",
    "{.spec.ports[?(@.name=~'h')].port}", "{.spec.ports[?(@.name=='(')].port}",
    "{.spec.ports[?(@.port==80].port}", "{.spec.ports[?(@.port==80).port}", "{.spec[?(@.a==1)]}",
    "{range .spec.ports[*]}{.name}={.port}{\"\\n\"}{end}", "{range .spec.ports[*]}{end}",
    "{range .spec.ports[*]}{.name} {end}after", "{range .nope[*]}{.name}{end}after",
    "{range .spec.ports[?(@.protocol=='TCP')]}[{.name}]{end}",
    "{range .spec.ports[*]}<{range .name}{@}{end}>{end}", "{range .spec.ports[*].name}{@},{end}",
    "{end}", "{foo}", "{range .spec.ports[*]}{.name}{end}{end}", "plain text",
    "a{.kind}b{.kind}c",
    ".metadata.name", "{'single'}", "{\"double\"}", "{\"\\t|\\n|\\\\|\\x41|\\u00e9\"}",
    "{'it\\'s'}",
    "{\"unclosed}", "{.metadata.name", "{.metadata.name}}", "{ .metadata.name }",
    "{.metadata .name}", "{.spec.ports[*].name}{\"\\t\"}{.spec.ports[*].port}", "{12}", "{-1.5}",
    "{true}", "{.spec.ports[0]['name','port']}", "{.spec.ports[0,1].name}",
    "{.spec.ports[0, 2].name}",
    "{#}", "{.spec.ports[?(@.protocol!='TCP')].name}", "{.spec.ports[*]['port']}",
]  # fmt: skip


def recorded(file: str, template: str) -> dict[str, str]:
    """Give what kubectl prints, or the kind of its error."""
    ended = subprocess.run(
        [
            KUBECTL,
            "label",
            "--local",
            "-f",
            file,
            "tier=",
            "--overwrite",
            "-o",
            f"jsonpath={template}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode == 0:
        return {"template": template, "printed": ended.stdout}
    return {"template": template, "error": ended.stderr.splitlines()[0]}


def main() -> None:
    """Write the vectors."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(SERVICE, file)
        file.flush()
        cases = [recorded(file.name, template) for template in TEMPLATES]
    VECTORS.write_text(json.dumps({"object": SERVICE, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
