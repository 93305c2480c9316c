"""A process that can harm nobody: what a submission runs in.

On Linux `confine` gives the process a user, a process, a network, a mount and an IPC namespace of its own: it sees its
own processes alone, has no network, and can write nowhere but into a small file system in memory that goes with it.
Where the kernel does not allow that, there are still the limits of `setrlimit`, and `guard_python`, which refuses what
honest mistakes do; what is not held then is returned by name. Beside the sentences' language only the standard library
is imported here, because a process has to be confined before it has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from bertlab.language import mark

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MOUNT_SETATTR, RECURSIVE = 442, 0x8000  # the system call has this number on every architecture
READ_ONLY, NO_DEVICES = 0x1, 0x4
BIND, NO_SUID, NO_DEV, NO_EXEC, PRIVATE_ALL = 0x1000, 0x2, 0x4, 0x8, 0x40000 | 0x4000
NO_NEW_PRIVILEGES, DIE_WITH_PARENT, REAP_ORPHANS = 38, 1, 36
DEVICES = ("null", "zero", "full", "random", "urandom")
OUTSIDE = mark("writing outside its folder")
HELD_BY_NAMESPACES = (mark("the network"), OUTSIDE, mark("other processes"))


class _Attributes(ctypes.Structure):  # struct mount_attr
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user")]


def _call(function: str, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = getattr(libc, function)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")
    return result


def confine(box: Path, megabytes: int) -> list[str]:
    """Confine this process, in which no thread runs yet; `box` becomes the one place that it can write to.

    Returns in a process of its own: the caller's waits for it, takes its exit status, and never returns.

    Args:
        box: an empty folder; with namespaces it is a file system in memory of so many megabytes.

    Returns:
        What could not be held here, by name; nothing where all is.
    """
    if not sys.platform.startswith("linux"):
        return list(HELD_BY_NAMESPACES)
    _call("prctl", REAP_ORPHANS, 1, 0, 0, 0)  # whoever loses its parent stays where it can be found
    user, group = os.getuid(), os.getgid()
    spaces = NEW_MOUNTS | NEW_IPC | NEW_PROCESSES | NEW_NETWORK
    confined = False
    for extra in (NEW_USER, 0):
        try:
            _call("unshare", spaces | extra)
        except (OSError, AttributeError):
            continue
        if extra:
            maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}
            for name, text in maps.items():
                try:
                    Path(f"/proc/self/{name}").write_text(text)
                except OSError:  # then it is nobody, which is less still
                    break
        confined = True
        break
    _continue_in_child()
    if not confined:
        return list(HELD_BY_NAMESPACES)
    try:
        _close_mounts(box, megabytes)
    except OSError:
        return [OUTSIDE]
    finally:
        _continue_in_child()  # the first process of a namespace takes no signals, and with it the namespace ends
    return []


def _continue_in_child() -> None:
    """Go on in a child; the parent waits for it and ends as it did."""
    child = os.fork()
    if child:
        while True:
            done, status = os.wait()
            if done == child:
                _end_others()
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)
    _call("prctl", DIE_WITH_PARENT, 9, 0, 0, 0)
    _call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def _end_others() -> None:
    """End what a submission left running; with a process namespace it ends by itself."""
    for _ in range(50):
        left = descendants(os.getpid())[1:]
        for one in left:
            for sent in (signal.SIGSTOP, signal.SIGKILL):
                try:
                    os.kill(one, sent)
                except OSError:
                    pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except OSError:  # no child is left
            return


def descendants(pid: int) -> list[int]:
    """A process and all that descend from it, where there is a /proc; otherwise itself."""
    try:
        running = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return [pid]
    children: dict[int, list[int]] = {}
    for one in running:
        try:
            line = Path(f"/proc/{one}/stat").read_text(errors="replace")
            children.setdefault(int(line.rpartition(")")[2].split()[1]), []).append(one)
        except (OSError, IndexError, ValueError):
            continue
    family = [pid]
    for one in family:
        family += children.get(one, [])
    return family


def _close_mounts(box: Path, megabytes: int) -> None:
    """Everything read-only and without devices, but for `box`, and the few devices that Python wants."""
    _mount(None, "/", None, PRIVATE_ALL)
    _change("/", READ_ONLY | NO_DEVICES, 0, RECURSIVE)
    _mount("tmpfs", str(box), "tmpfs", NO_SUID | NO_DEV, f"size={megabytes}m,nr_inodes=20000,mode=700")
    devices = box / "dev"
    devices.mkdir()
    for name in DEVICES:
        (devices / name).touch()
        _mount(f"/dev/{name}", str(devices / name), None, BIND)
        _change(str(devices / name), 0, NO_DEVICES)
    _mount(str(devices), "/dev", None, BIND | 0x4000)
    _change("/dev", READ_ONLY, 0)
    if not sys.prefix.startswith("/run") and not sys.base_prefix.startswith("/run"):
        _mount("tmpfs", "/run", "tmpfs", NO_SUID | NO_DEV | NO_EXEC | READ_ONLY, "size=4k")  # sockets of services
    try:
        _mount("proc", "/proc", "proc", NO_SUID | NO_DEV | NO_EXEC)  # its own processes alone
    except OSError:
        pass  # inside some containers; then others are seen there, and cannot be reached
    _change("/proc", READ_ONLY, 0)


def _mount(what: str | None, where: str, kind: str | None, flags: int, options: str | None = None) -> None:
    what_, kind_, options_ = (text.encode() if text is not None else None for text in (what, kind, options))
    _call("mount", what_, where.encode(), kind_, ctypes.c_ulong(flags), options_)


def _change(where: str, add: int, clear: int, flags: int = 0) -> None:
    attributes = _Attributes(add, clear, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    _call("syscall", ctypes.c_long(MOUNT_SETATTR), -100, where.encode(), flags, ctypes.byref(attributes), size)


def limit(seconds: int, megabytes: int, file_megabytes: int) -> None:
    """The limits of the system for each process: seconds of processor time, address space, size of a file, open files,
    no core dumps. The clock, the memory that is used, and how many processes there are is watched from outside."""
    try:
        import resource
    except ImportError:  # Windows
        return
    space = (megabytes + 8192) * 2**20  # torch maps more than it uses; what is used is watched from outside
    wanted = {"CPU": seconds, "AS": space, "FSIZE": file_megabytes * 2**20, "CORE": 0, "NOFILE": 1024}
    for name, value in wanted.items():
        kind = getattr(resource, f"RLIMIT_{name}", None)
        if kind is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            pass  # macOS does not know every limit
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")  # should memory end, this process goes first
    except OSError:
        pass


def guard_python(box: Path) -> None:
    """Refuse what a submission does by mistake: writing outside `box`, connecting anywhere, signalling others.

    It holds for honest code alone; against malice stand the namespaces.
    """
    inside = str(box.resolve()) + os.sep
    own = os.getpid()

    def outside(path: object) -> bool:
        if isinstance(path, int):
            return False
        try:
            name = os.path.realpath(os.fsdecode(path))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return False
        return not (name + os.sep).startswith(inside) and not name.startswith("/dev/")

    def refuse(path: object) -> None:
        if outside(path):
            raise PermissionError(f"a submission writes into its own folder alone, not to {path!r}")

    def watch(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = isinstance(mode, str) and set(mode) & set("wax+")
            if writes or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)):
                refuse(path)
        elif event in ("os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "shutil.rmtree"):
            refuse(arguments[0])
        elif event in ("os.rename", "os.link", "os.symlink", "shutil.move", "shutil.copyfile"):
            refuse(arguments[1])
            if event in ("os.rename", "shutil.move"):
                refuse(arguments[0])
        elif event in ("socket.connect", "socket.sendto", "socket.bind"):
            address = arguments[1]
            if not (isinstance(address, (str, bytes)) or str(address[0]).startswith(("127.", "localhost", "::1"))):
                raise PermissionError("a submission is graded without a network")
        elif event in ("os.kill", "os.killpg") and arguments[0] != own:
            raise PermissionError("a submission sends signals to itself alone")

    sys.addaudithook(watch)
