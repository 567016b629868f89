"""A machine for the kernel under test: QEMU, which emulates it, and Debian's own kernel.

    command -> boot -> what its console showed

The guest sees the host's files beneath a layer in memory, so that it runs what is
installed here and leaves nothing behind; results come out of its second serial port.
Emulation is some twenty times slower than the processor, and alike on all of them:
hardware virtualisation is neither everywhere nor, where it is, to be relied on.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

ROOT = Path(__file__).parents[2]
KERNEL_PLACES: Final = (Path("/var/cache/waypost/kernel"), Path("/"))
"""Where a kernel's boot and lib/modules may be: unpacked by continuous integration, installed."""
RESULTS = "/dev/ttyS1"
"""What the guest writes there is in the folder's file ``results``."""
PATH: Final = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAMS: Final = (
    *("qemu-system-x86_64", "virtiofsd", "busybox", "modprobe", "setpriv"),
    *("ip", "ipset", "iptables", "ip6tables", "ipvsadm", "nft", "sysctl"),
)

_PROGRAM_FOLDERS: Final = f"{PATH}:/usr/lib/qemu:/usr/libexec"  # the last two have virtiofsd
_ENVIRONMENT: Final = {"PATH": _PROGRAM_FOLDERS}
_INIT: Final = Path(__file__).with_name("init.sh")
_DRIVERS: Final = ("virtio_pci", "virtiofs", "overlay")
_MEMORY: Final = "768M"
_TRANSLATED_MIB_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel that is here, and the folder that has it."""

    place: Path
    version: str

    @property
    def image(self) -> Path:
        """What a boot loader loads."""
        return self.place / "boot" / f"vmlinuz-{self.version}"

    @property
    def modules(self) -> Path:
        """The modules of all versions in that folder."""
        return self.place / "lib" / "modules"


def lacking(*, path: str = _PROGRAM_FOLDERS, places: Sequence[Path] = KERNEL_PLACES) -> str:
    """Say what there is too little of for a machine; empty when nothing."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        return f"these programs are missing: {', '.join(missing)}"
    if _kernel(places) is None:
        return "a kernel and its modules are missing (Debian: linux-image-cloud-amd64)"
    if os.geteuid() != 0:
        return "root is needed to show the host's files to a machine"
    return ""


def boot(command: Sequence[str], folder: Path, *, timeout_s: float) -> str:
    """Run a command in a machine until it ends; answers what the console showed.

    ``folder`` is empty and writable.
    """
    kernel = _kernel(KERNEL_PLACES)
    assert kernel is not None, "whoever boots has asked what is lacking"
    _write_initial_disk(kernel, command, folder)
    with (folder / "console").open("wb") as console, _files_of_the_host(folder, console):
        run_bounded(_emulator(kernel), folder, console, timeout_s=timeout_s)
    return (folder / "console").read_text(errors="replace")


def run_bounded(
    command: Sequence[str], folder: Path, console: IO[bytes], *, timeout_s: float
) -> None:
    """Run a program until it ends or its time is over, which the console then says."""
    with _running(command, folder, console) as program:
        try:
            program.wait(timeout_s)
        except subprocess.TimeoutExpired:
            console.write(f"\nthe machine was ended after {timeout_s:g} s\n".encode())


def _kernel(places: Sequence[Path]) -> Kernel | None:
    for place in places:
        images = sorted((place / "boot").glob("vmlinuz-*"), key=_by_number, reverse=True)
        for version in (image.name.removeprefix("vmlinuz-") for image in images):
            kernel = Kernel(place, version)
            if (kernel.modules / version / "modules.dep").exists():
                return kernel
    return None


def _by_number(image: Path) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", image.name)]


def _emulator(kernel: Kernel) -> Sequence[str]:
    return (
        *("qemu-system-x86_64", "-no-user-config", "-nodefaults", "-no-reboot"),
        # A second processor would make the first one slower: they wait for each other.
        *("-accel", f"tcg,tb-size={_TRANSLATED_MIB_MAX}", "-cpu", "max", "-smp", "1"),
        *("-machine", "q35,memory-backend=memory", "-m", _MEMORY),
        # virtiofsd reads and writes the guest's memory.
        *("-object", f"memory-backend-memfd,id=memory,size={_MEMORY},share=on"),
        *("-chardev", "socket,id=files,path=files"),
        *("-device", "vhost-user-fs-pci,chardev=files,tag=host"),
        *("-display", "none", "-serial", "stdio", "-serial", "file:results"),
        *("-kernel", str(kernel.image), "-initrd", "initrd"),
        *("-append", "quiet console=ttyS0 panic=-1 mitigations=off tsc=reliable"),
    )


@contextmanager
def _files_of_the_host(folder: Path, console: IO[bytes]) -> Generator[None]:
    """Offer them at the socket ``files`` in the folder, from before the block begins."""
    with socket.socket(socket.AF_UNIX) as offered:
        _bind(offered, folder, "files")
        offered.listen(1)
        command = (
            *("virtiofsd", "-f", f"--fd={offered.fileno()}", "-o", "source=/"),
            # Its other sandbox, namespaces, cannot make the root of all files its own.
            *("-o", "sandbox=chroot", "-o", "cache=always", "-o", "log_level=err"),
        )
        with _running(command, folder, console, passed=offered.fileno()):
            offered.close()  # so that nobody waits at a socket whose server has died
            yield


def _bind(bound: socket.socket, folder: Path, name: str) -> None:
    """Bind a socket in a folder whose own name may be longer than a socket's may be."""
    opened = os.open(folder, os.O_PATH)
    try:
        bound.bind(f"/proc/self/fd/{opened}/{name}")
    finally:
        os.close(opened)


@contextmanager
def _running(
    command: Sequence[str], folder: Path, console: IO[bytes], *, passed: int | None = None
) -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        ("setpriv", "--pdeathsig", "KILL", "--", *command),  # noqa: S607  it ends with us
        cwd=folder,  # what it names is there
        pass_fds=() if passed is None else (passed,),
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=subprocess.STDOUT,
        env=_ENVIRONMENT,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def _write_initial_disk(kernel: Kernel, command: Sequence[str], folder: Path) -> None:
    """Pack the first program, what it goes on with, and the drivers of the host's files."""
    packed = folder / "initial"
    for name in ("bin", "dev", "drivers", "host", "layer", "root"):
        (packed / name).mkdir(parents=True)
    busybox = shutil.which("busybox", path=PATH)
    assert busybox is not None, "whoever boots has asked what is lacking"
    shutil.copy(busybox, packed / "bin" / "busybox")
    _write_script(_INIT.read_text(), packed / "init")
    _write_script(_lab(command, kernel), packed / "lab")
    for number, driver in enumerate(_drivers(kernel)):
        shutil.copy(driver, packed / "drivers" / f"{number:02}.ko")
    with (folder / "initrd").open("wb") as initrd:
        names = "".join(f"{path.relative_to(packed)}\n" for path in sorted(packed.rglob("*")))
        subprocess.run(
            ("busybox", "cpio", "-o", "-H", "newc"),  # noqa: S607  wherever it is
            cwd=packed,
            env=_ENVIRONMENT,
            input=names.encode(),
            stdout=initrd,
            stderr=subprocess.PIPE,  # it counts the blocks there
            check=True,
        )


def _drivers(kernel: Kernel) -> Sequence[Path]:
    """List the files to load, each after those that it needs."""
    asking = ("modprobe", "-d", str(kernel.place), "-S", kernel.version, "--show-depends")
    lines: list[str] = []
    for name in _DRIVERS:
        asked = subprocess.run(
            (*asking, name), env=_ENVIRONMENT, capture_output=True, text=True, check=True
        )
        lines += asked.stdout.splitlines()
    files = [line.split()[1] for line in lines if line.startswith("insmod ")]
    return [Path(file) for file in dict.fromkeys(files)]


def _lab(command: Sequence[str], kernel: Kernel) -> str:
    """Give the guest the kernel's modules where they are looked for, and run the command."""
    return (
        "#!/bin/sh\n"
        f"export PATH={PATH} HOME=/tmp\n"
        f"mkdir -p /lib/modules && mount --bind {shlex.quote(str(kernel.modules))} /lib/modules\n"
        f"cd {shlex.quote(str(ROOT))}\n"
        f"{shlex.join(command)} || echo the lab ended with $?\n"
        "busybox poweroff -f\n"
    )


def _write_script(text: str, path: Path) -> None:
    path.write_text(text)
    path.chmod(0o755)
