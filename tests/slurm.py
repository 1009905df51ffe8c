"""A Slurm of this machine alone: every daemon is the real one, on loopback, in a scratch folder.

Slurm's daemons, munge and MariaDB have ports, keys, sockets and files of their own here, so that
none of the machine's own is touched. They need no rights but those of whoever starts them, and end
with `stop`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

# Two busy cores start all of it in ten seconds; this is a limit for hangs.
START_SECONDS = 30
CPUS = 2
NEEDED = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch")

SLURMDBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
DbdHost=localhost
DbdPort={accounting}
SlurmUser={user}
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
PidFile={folder}/slurmdbd.pid
"""
# A node is given up ten seconds after its last word, and not the usual five minutes.
SLURM = """\
ClusterName=loopback
SlurmctldHost=localhost
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={accounting}
AccountingStoragePass={folder}/munge.sock
JobAcctGatherType=jobacct_gather/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdTimeout=10
KillWait=5
ReturnToService=2
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [name for name in NEEDED if _program(name) is None]


class Slurm:
    """A controller with accounting, and so many nodes."""

    def __init__(self, nodes: int = 2) -> None:
        # Short: sockets lie in it, and their paths may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="slurm"))
        self.environment = {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        self.names = [f"n{number}" for number in range(nodes)]
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}
        try:
            self._configure()
            self._start_munge()
            self._start_database()
            self._start("slurmdbd", "-D")
            self._wait(
                "accounting", lambda: self.run("sacctmgr", "-n", "show", "cluster") is not None
            )
            self.run("sacctmgr", "-i", "add", "cluster", "loopback")
            self._start("slurmctld", "-D", "-i")
            for name in self.names:
                self.add(name)
            self._wait("nodes", lambda: self.idle() == self.names)
        except BaseException:
            self.stop()
            raise

    def add(self, name: str) -> None:
        """Start a node, or start it again."""
        # What watches over a job has no variables but the daemon's.
        self._start("slurmd", "-D", "-N", name, key=name, SLURMD_NODENAME=name)

    def kill(self, name: str) -> None:
        """Let a node die as a machine does: its daemon and its jobs at once, without a word."""
        daemon = self._daemons.pop(name)
        all_of_it = [daemon.pid, *self.processes(name)]
        # Whatever watches over a job would report its death to the controller.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in all_of_it:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        daemon.wait()

    def processes(self, *names: str) -> list[int]:
        """Return the processes of the jobs of some nodes, and those that watch over them."""
        ours = f"SLURM_CONF={self.environment['SLURM_CONF']}".encode()
        marks = {f"SLURMD_NODENAME={name}".encode() for name in names}
        daemons = {daemon.pid for daemon in self._daemons.values()}
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                variables = (place / "environ").read_bytes().split(b"\0")
                if ours in variables and not marks.isdisjoint(variables):
                    found.append(int(place.name))
        return sorted({*found} - daemons)

    def idle(self) -> list[str]:
        """Return the nodes that wait for jobs."""
        said = self.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N") or ""
        return sorted(said.split())

    def run(self, *command: str) -> str | None:
        """Run one of Slurm's commands; return what it prints, None if it fails."""
        done = subprocess.run(
            command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout if done.returncode == 0 else None

    def stop(self) -> None:
        """End all of it."""
        self.run("scancel", "--state=PENDING", "--state=RUNNING", f"--user={os.getuid()}")
        deadline = time.monotonic() + 10
        while self.run("squeue", "-h", "-o", "%i") and time.monotonic() < deadline:
            time.sleep(0.1)
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
            daemon.kill()
            daemon.wait()
        for pid in self.processes(*self.names):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _configure(self) -> None:
        ports = _free_ports(3 + len(self.names))
        self._database_port = ports[1]
        nodes = "\n".join(
            f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={CPUS}"
            for name, port in zip(self.names, ports[3:], strict=True)
        )
        given = {
            "folder": self.folder,
            "user": _user(),
            "accounting": ports[0],
            "database": ports[1],
            "controller": ports[2],
            "nodes": nodes,
        }
        (self.folder / "slurm.conf").write_text(SLURM.format(**given))
        # Found beside the other one, and read only if nobody else can.
        accounting = self.folder / "slurmdbd.conf"
        accounting.touch(mode=0o600)
        accounting.write_text(SLURMDBD.format(**given))
        (self.folder / "state").mkdir()

    def _start_munge(self) -> None:
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        places = {"key": "key-file", "sock": "socket", "pid": "pid-file"}
        places |= {"seed": "seed-file", "log": "log-file"}
        # Forced, as a temporary folder is one that everybody may write to.
        files = [f"--{option}={self.folder}/munge.{end}" for end, option in places.items()]
        self._start("munged", "--foreground", "--force", *files)
        self._wait("munge", lambda: (self.folder / "munge.sock").exists())

    def _start_database(self) -> None:
        data, door = self.folder / "database", self.folder / "database.sock"
        common = ("--no-defaults", f"--user={_user()}", f"--datadir={data}")
        with (self.folder / "install.log").open("wb") as log:
            subprocess.run(
                [
                    *(_program("mariadb-install-db"), *common, "--skip-test-db"),
                    "--auth-root-authentication-method=normal",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                check=True,
            )
        self._start(
            "mariadbd",
            *common,
            f"--socket={door}",
            f"--port={self._database_port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder}/database.pid",
            "--innodb-buffer-pool-size=64M",
        )
        rights = "".join(
            f"CREATE USER {user} IDENTIFIED BY 'slurm'; GRANT ALL ON slurm.* TO {user};"
            for user in ("slurm@localhost", "slurm@127.0.0.1")
        )
        client = ("mariadb", "--no-defaults", f"--socket={door}", "-u", "root", "-e")
        self._wait("database", lambda: self.run(*client, rights) is not None)

    def _start(self, program: str, *options: str, key: str | None = None, **variables: str) -> None:
        with (self.folder / f"{key or program}.out").open("ab") as log:
            self._daemons[key or program] = subprocess.Popen(
                [str(_program(program)), *options],
                env={**os.environ, **self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait(self, what: str, condition) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            for name, daemon in self._daemons.items():
                output = self.folder / f"{name}.out"
                assert daemon.poll() is None, f"{name} ended: {output.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"{what} did not come: see {self.folder}"
            time.sleep(0.1)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
