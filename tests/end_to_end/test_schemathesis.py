"""A running server, asked at random by its own OpenAPI document."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.declared import strict_document
from tests.end_to_end.processes import serving

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1_500)]

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "10"


@pytest.mark.parametrize(
    "phases", ["examples,fuzzing", pytest.param("coverage", marks=pytest.mark.slow)]
)
async def test_nothing_is_answered_that_the_document_does_not_say(
    tmp_path: Path, phases: str
) -> None:
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(strict_document()))
    async with serving(tmp_path) as running:
        asking = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(CONFIG),
            "run",
            str(described),
            "--url",
            f"http://127.0.0.1:{running.api_port}",
            "--checks",
            CHECKS,
            "--exclude-operation-id",
            "watch",  # a stream, which has no end of its own
            "--phases",
            phases,
            "--max-examples",
            EXAMPLES,
            "--workers",
            "1",  # Python 3.11 fails to read source in several threads at once, as it does
            "--seed",
            "1",
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asking.communicate()
    assert asking.returncode == 0, output.decode()[-20_000:]
