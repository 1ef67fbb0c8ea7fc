"""A PostgreSQL server of the tests' own, from Debian's package, as an operator would run one.

    with Postgresql.start() as postgresql:
        url = postgresql.new_database()
        postgresql.crash()
        postgresql.launch()

It refuses to run as root: then it runs as the package's user. It dies with the thread that started
it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.processes import free_port

USER = "postgres"
TIMEOUT_S = 60
POLL_S = 0.02


class NotInstalled(Exception):
    """There is no PostgreSQL on this machine."""


class Postgresql:
    """A server with databases. Started by `Postgresql.start`."""

    process: subprocess.Popen[bytes]

    def __init__(self, programs: Path, directory: Path) -> None:
        self.port = free_port()
        self.log = directory / "log"
        self._programs = programs
        self._directory = directory
        self._data = directory / "data"
        self._databases = 0

    @classmethod
    def start(cls) -> Self:
        """Make a server and wait until it answers. Raises NotInstalled."""
        programs = _programs()
        # Not in a directory of pytest's, which root alone may enter.
        directory = Path(tempfile.mkdtemp(prefix="heliograph-postgresql-"))
        if os.getuid() == 0:
            shutil.chown(directory, USER, USER)
        server = cls(programs, directory)
        options = ["--username", USER, "--auth", "trust", "--encoding", "UTF8"]
        server._run("initdb", "--pgdata", str(server._data), "--no-sync", *options)
        server.launch()
        return server

    def launch(self) -> None:
        """Start the server, after a stop or a crash, and wait until it answers."""
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._directory,
            "max_connections": 200,
            "deadlock_timeout": "100ms",
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        program = [str(self._programs / "postgres"), "-D", str(self._data), *settings]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_as_its_user("--pdeathsig", "INT"), *program], stdout=log, stderr=log
            )
        deadline = time.monotonic() + TIMEOUT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{self.log.read_text()}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask it to end at once: open transactions are rolled back ("fast")."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """End it without tidying up: the next start recovers from its log ("immediate")."""
        self._end(signal.SIGQUIT)

    def new_database(self) -> str:
        """Make an empty database, in which text is not in the order of its bytes; its URL."""
        self._databases += 1
        name = f"heliograph_{self._databases}"
        order = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {order}")
        return f"postgresql://{USER}:secret-password@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement and return what it prints."""
        connect = ["--host", str(self._directory), "--port", str(self.port), "--username", USER]
        options = ["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
        return self._run("psql", *connect, *options, "--command", statement, database).strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.crash()
        shutil.rmtree(self._directory)

    def _answers(self) -> bool:
        ask = [str(self._programs / "pg_isready"), "--host", "127.0.0.1", "--port", str(self.port)]
        return subprocess.run(ask, stdout=subprocess.DEVNULL, check=False).returncode == 0

    def _end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(TIMEOUT_S)

    def _run(self, program: str, *arguments: str) -> str:
        command = [*_as_its_user(), str(self._programs / program), *arguments]
        ran = subprocess.run(
            command,
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if ran.returncode != 0:
            raise RuntimeError(f"{program}: {ran.stderr}")
        return ran.stdout


def _programs() -> Path:
    """Where the newest version's programs are: Debian's, or those on the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    found = str(debian[-1]) if debian else shutil.which("initdb")
    if found is None:
        raise NotInstalled("PostgreSQL is not installed: apt-get install postgresql")
    if os.getuid() == 0:
        try:
            pwd.getpwnam(USER)
        except KeyError as error:
            raise NotInstalled(f"there is no user {USER} to run PostgreSQL as") from error
    return Path(found).resolve().parent


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in path.parts[-3].split("."))


def _as_its_user(*options: str) -> list[str]:
    if os.getuid() == 0:
        user = ["--reuid", USER, "--regid", USER, "--init-groups"]
        return ["/usr/bin/setpriv", *user, *options]
    return ["/usr/bin/setpriv", *options] if options else []
