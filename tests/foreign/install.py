"""`python -m tests.foreign.install [NAME…]`: environments for verifiers that are not ours.

Everything lands below build/foreign, with the ordinary package clients and without root. An
environment that was made whole has a stamp; a half made one is made anew.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

BASE = Path(__file__).resolve().parents[2]
FOREIGN = BASE / "build" / "foreign"
CODE = Path(__file__).parent
PATIENCE = 30.0  # seconds for one command, where a test asks; `make foreign` waits longer
LONG = 600.0
SIGSTORE = "sigstore>=4,<5"
AICS = "aics-tlog>=0.2,<0.3"
NPM = ("@sigstore/verify@3", "@sigstore/protobuf-specs@0.5")
GOCODE = Path("usr/share/gocode")
BASICS = {"libc6", "libgcc-s1", "libstdc++6", "zlib1g"}  # every machine has them


class Unavailable(Exception):
    """A foreign verifier cannot be had here; says which, and what is missing."""


def _run(command: Sequence[str | Path], patience: float, **variables: str) -> str:
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            [str(part) for part in command],
            env=dict(os.environ) | variables,
            cwd=FOREIGN,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
    except FileNotFoundError as error:
        raise Unavailable(f"{name} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{name} took longer than {patience:.0f} s") from error
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise Unavailable(f"{name} {command[1]} failed: {lines[-1][:200]}")
    return done.stdout


def _uv() -> str:
    found = shutil.which("uv")
    ours = BASE / "build" / "uv" / "bin" / "uv"
    if ours.exists():
        return str(ours)
    if found is None:
        raise Unavailable("uv is not installed")
    return found


def _newer_python() -> str:
    """A Python of 3.12 or later: on PATH, or one of those that pyenv keeps."""
    named = [shutil.which(f"python3.{minor}") for minor in (13, 12)]
    kept = sorted(Path.home().glob(".pyenv/versions/3.1[2-9]*/bin/python3"))
    for candidate in (*named, *kept):
        check = [candidate, "-c", "import sys; sys.exit(sys.version_info < (3, 12))"]
        if candidate and not subprocess.run(check, capture_output=True, check=False).returncode:  # type: ignore[arg-type]
            return str(candidate)
    raise Unavailable("there is no Python of 3.12 or later")


def _environment(folder: Path, python: str, package: str, patience: float) -> Path:
    _run([_uv(), "venv", "--quiet", "--clear", "--python", python, folder], patience)
    executable = folder / "bin" / "python"
    _run([_uv(), "pip", "install", "--quiet", "--python", executable, package], patience)
    return executable


def sigstore(patience: float) -> list[str]:
    """sigstore-python."""
    folder = FOREIGN / "sigstore"
    if not _stamped(folder):
        _environment(folder, sys.executable, SIGSTORE, patience)
        _stamp(folder)
    return [str(folder / "bin" / "python"), str(CODE / "ask_sigstore.py")]


def aics(patience: float) -> list[str]:
    """aics-tlog, which needs Python 3.12."""
    folder = FOREIGN / "aics"
    if not _stamped(folder):
        _environment(folder, _newer_python(), AICS, patience)
        _stamp(folder)
    return [str(folder / "bin" / "python"), str(CODE / "ask_aics.py")]


def npm(patience: float) -> list[str]:
    """The npm package @sigstore/verify."""
    folder = FOREIGN / "npm"
    if not _stamped(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder)
        _run(["npm", "install", *quiet, *NPM], patience)
        _stamp(folder)
    return ["node", str(CODE / "ask_sigstore.cjs"), str(folder)]


def go(patience: float) -> list[str]:
    """`sumdb/note` and `sumdb/tlog` of golang.org/x/mod, as Debian ships their source.

    The machine's own Go and source are taken where it has them; otherwise the packages are
    fetched and unpacked, not installed.
    """
    folder, source = FOREIGN / "go", CODE / "verify.go"
    program = folder / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    if program.exists() and program.stat().st_mtime > source.stat().st_mtime:
        return [str(program)]
    command = shutil.which("go")
    variables: dict[str, str] = {}
    gopath = Path("/") / GOCODE
    if command is None or not (gopath / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        command, variables, gopath = _unpacked_go(folder / "debian", patience)
    variables |= {
        "GO111MODULE": "off",  # GOPATH mode: nothing is looked up anywhere
        "GOPATH": str(gopath),
        "GOCACHE": str(folder / "cache"),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    _run([command, "build", "-o", program, source], max(patience, 120), **variables)
    return [str(program)]


def _unpacked_go(folder: Path, patience: float) -> tuple[str, dict[str, str], Path]:
    if not _stamped(folder):
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "packages").mkdir(parents=True)
        named = _run(["apt-cache", "depends", "golang-go"], patience)
        version = next((word for word in named.split() if word.startswith("golang-1.")), "")
        if not version:
            raise Unavailable("neither Go nor a list of Debian packages with it is here")
        wanted = (version, version.replace("-go", "-src"), "golang-golang-x-mod-dev")
        for package in wanted:
            _run(
                ["sh", "-c", f"cd go/debian/packages && apt-get -q download {package}"],
                patience,
            )
        for archive in (folder / "packages").glob("*.deb"):
            _run(["dpkg", "-x", archive, folder], patience)
        shutil.rmtree(folder / "packages")
        _stamp(folder)
    root = next((folder / "usr/lib").glob("go-1.*"))
    return str(root / "bin/go"), {"GOROOT": str(root)}, folder / GOCODE


def pdfsig(patience: float) -> list[str]:
    """`pdfsig` of poppler: the machine's own, or Debian's, fetched and unpacked."""
    found = shutil.which("pdfsig")
    if found is not None:
        return [found]
    folder = FOREIGN / "pdfsig"
    if not _stamped(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        needed = _needed("poppler-utils", patience)
        library = next((name for name in needed if name.startswith("libpoppler")), "")
        if not library:
            raise Unavailable("neither pdfsig nor a list of Debian packages with it is here")
        wanted = {"poppler-utils", "libnspr4", *needed, *_needed(library, patience)} - BASICS
        fetch = f"cd pdfsig && apt-get -q download {' '.join(sorted(wanted))}"
        _run(["sh", "-c", fetch], patience)
        for archive in folder.glob("*.deb"):
            _run(["dpkg", "-x", archive, folder], patience)
            archive.unlink()
        _stamp(folder)
    libraries = ":".join(sorted({str(path.parent) for path in folder.rglob("*.so*")}))
    command = ["env", f"LD_LIBRARY_PATH={libraries}", str(folder / "usr/bin/pdfsig")]
    _run([*command, "-v"], patience)
    return command


def _needed(package: str, patience: float) -> set[str]:
    """What a Debian package depends on, without what these depend on."""
    told = _run(["apt-cache", "depends", "--important", package], patience)
    lines = (line.split() for line in told.splitlines())
    return {words[1] for words in lines if words[:1] == ["Depends:"] and "<" not in words[1]}


def _stamped(folder: Path) -> bool:
    return (folder / ".whole").exists()


def _stamp(folder: Path) -> None:
    (folder / ".whole").touch()


INSTALLERS: dict[str, Callable[[float], list[str]]] = {
    "go": go,
    "npm": npm,
    "sigstore": sigstore,
    "aics": aics,
    "pdfsig": pdfsig,
}


def command(name: str, patience: float = PATIENCE) -> list[str]:
    """How to start the verifier `name`, made ready if need be; raises `Unavailable`."""
    FOREIGN.mkdir(parents=True, exist_ok=True)
    return INSTALLERS[name](patience)


def main(names: Sequence[str]) -> int:
    """Install them all, or those named; how many could not be had."""
    missing = 0
    for name in names or INSTALLERS:
        try:
            print(f"{name}: {command(name, LONG)[0]}")  # noqa: T201 - what it is for
        except Unavailable as error:
            missing += 1
            print(f"{name}: NOT AVAILABLE: {error}")  # noqa: T201
    return missing


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
