"""
The user's files: read safely, replaced by compare-and-swap, never lost

A write goes to a temporary file beside its target, which is synced and then renamed over it if, and only if, the target
still holds the bytes that were expected; then the folder is synced. Every folder on the way is opened without following
symbolic links, so no path leads out of the tree, not even one that changes meanwhile.

One race is left, and it cannot be closed with plain files: a program that writes to the target in the microseconds between
the last look and the rename loses to it. A delivery by branch or pull request (compare-and-swap on the ref) has no such gap.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trimtab.errors import HostileFileError, RefusedError, StaleError, UsageError

LIMIT = 1 << 20  # bytes: GitHub's own workflow files stay far below; see workflow.guard
_READY = re.compile(r"/\.[^/]+\.trimtab-[0-9a-z]+$")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # O_NONBLOCK: a named pipe must not hold us
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WorkTree:
    """The files below `root`, by paths with forward slashes relative to it."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)

    # ------------------------------------------------------------------------------------ reading

    def look(self, path: str, limit: int = LIMIT) -> bytes | None:
        """
        The bytes of a file, None when there is none

        Raises RefusedError for symbolic links (in any part), paths outside and what is no plain file, HostileFileError
        beyond `limit` bytes.
        """
        with _refusing("read", path):
            try:
                with self._folder(path) as (folder, name):
                    return _read(folder, name, path, limit)
            except FileNotFoundError:
                return None

    def read(self, path: str, limit: int = LIMIT) -> bytes:
        """The same for a file that must be there; RefusedError when it is not."""
        data = self.look(path, limit)
        if data is None:
            raise RefusedError(f"{path} is not there", "it was to be read", f"git log --oneline -- {path}")
        return data

    # ------------------------------------------------------------------------------------ writing

    def write(self, path: str, data: bytes, expect: str | None) -> None:
        """
        Replace a file whose sha256 is `expect` (None = there must be no such file), keeping its mode

        StaleError when it holds something else, RefusedError when the disk refuses; then nothing has changed.
        """
        self.stage(path, data, "write")
        try:
            self.swap(path, "write", expect)
        except BaseException:
            self.unstage(path, "write")
            raise

    def stage(self, path: str, data: bytes, token: str) -> None:
        """Lay `data` ready beside `path`, synced, with the mode and owner of the file there. `token` names the purpose."""
        with _refusing("write", path), self._folder(path, create=True) as (folder, name):
            ready = _ready_name(name, token)
            _unlink(folder, ready)
            handle = os.open(ready, _CREATE, 0o666, dir_fd=folder)
            try:
                _fill(handle, data)
                _like(handle, folder, name)
                os.fsync(handle)
            except BaseException:
                os.close(handle)
                _unlink(folder, ready)
                raise
            os.close(handle)

    def swap(self, path: str, token: str, expect: str | None) -> None:
        """Rename what `stage` laid ready over `path` if its sha256 is still `expect`; StaleError when it is not."""
        with _refusing("write", path), self._folder(path) as (folder, name):
            found = _hash_at(folder, name, path)
            if found != expect:
                raise _stale(path)
            os.rename(_ready_name(name, token), name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)

    def staged(self, path: str, token: str) -> bool:
        """Whether something laid ready for `path` has not been renamed yet."""
        try:
            with self._folder(path) as (folder, name):
                os.stat(_ready_name(name, token), dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError, RefusedError):
            return False
        return True

    def unstage(self, path: str, token: str) -> None:
        """Remove what `stage` laid ready, if it is still there."""
        with _refusing("remove", path):
            try:
                with self._folder(path) as (folder, name):
                    if _unlink(folder, _ready_name(name, token)):
                        os.fsync(folder)
            except (FileNotFoundError, RefusedError):
                return  # the folder is gone or no longer ours: nothing of ours lies in it

    def remove(self, path: str, expect: str) -> bool:
        """Remove a file of ours if its sha256 is `expect`; False when it is gone or was changed."""
        with _refusing("remove", path):
            try:
                with self._folder(path) as (folder, name):
                    if _hash_at(folder, name, path) != expect:
                        return False
                    os.unlink(name, dir_fd=folder)
                    os.fsync(folder)
            except FileNotFoundError:
                return False
        return True

    def leftovers(self, folder: str) -> tuple[str, ...]:
        """What a crash left laid ready below `folder`; while another Trimtab is at work it may be about to be renamed."""
        return tuple(path for path in self.files_under(folder) if _READY.search(path))

    def sweep(self, folder: str) -> None:
        """Remove the leftovers; to be called under the lock, when nothing is unfinished."""
        for path in self.leftovers(folder):
            with _refusing("remove", path), self._folder(path) as (handle, name):
                _unlink(handle, name)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; False when it is not, or is not there."""
        with _refusing("remove", path):
            try:
                with self._folder(path) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
                    os.fsync(folder)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR):
                    return False
                raise
        return True

    def files_under(self, folder: str) -> tuple[str, ...]:
        """Paths of the plain files below a folder, sorted; links are neither followed nor listed."""
        with _refusing("read", folder):
            try:
                with self._folder(f"{folder}/x") as (_, _name):
                    pass
            except FileNotFoundError:
                return ()
            found = []
            for place, _, names in os.walk(self.root / folder):
                inside = Path(place).relative_to(self.root).as_posix()
                found += [f"{inside}/{n}" for n in names if stat.S_ISREG(os.lstat(os.path.join(place, n)).st_mode)]
        return tuple(sorted(found))

    # ------------------------------------------------------------------------------------ the way there

    @contextmanager
    def _folder(self, path: str, create: bool = False) -> Iterator[tuple[int, str]]:
        """An open folder and the name in it, reached without following any symbolic link below the root."""
        *folders, name = _parts(path)
        handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                if create:
                    _make(handle, part)
                handle = _enter(handle, part, path)
            yield handle, name
        finally:
            os.close(handle)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if not path or any(part in ("", ".", "..") or "\0" in part or part.lower() == ".git" for part in parts):
        raise UsageError(
            f"{path!r} is no path inside the repository",
            "Trimtab touches only files of the working tree",
            "give a path such as .github/workflows/ci.yml",
        )
    return parts


def _make(folder: int, part: str) -> None:
    try:
        os.mkdir(part, dir_fd=folder)
    except FileExistsError:
        return
    os.fsync(folder)


def _enter(folder: int, part: str, path: str) -> int:
    """The folder `part` in `folder`, which is closed."""
    try:
        inner = os.open(part, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise _symlink(path) from error
        raise
    os.close(folder)
    return inner


def _read(folder: int, name: str, path: str, limit: int) -> bytes:
    try:
        handle = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EMLINK):
            raise _symlink(path) from error
        raise
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise _symlink(path)
        data = b""
        while len(data) <= limit and (part := os.read(handle, limit + 1 - len(data))):
            data += part
    finally:
        os.close(handle)
    if len(data) > limit:
        raise HostileFileError(
            f"{path} is larger than {limit >> 20} MiB",
            "no workflow file is; reading it could take all memory",
            f"ls -l {path}",
        )
    return data


def _hash_at(folder: int, name: str, path: str) -> str | None:
    try:
        return sha256(_read(folder, name, path, limit=64 * LIMIT))
    except FileNotFoundError:
        return None


def _fill(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _like(handle: int, folder: int, name: str) -> None:
    """Give a new file the mode and owner of the one that it will replace."""
    try:
        old = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    new = os.fstat(handle)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, stat.S_IMODE(old.st_mode))


def _unlink(folder: int, name: str) -> bool:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return False
    return True


def _ready_name(name: str, token: str) -> str:
    return f".{name}.trimtab-{token}"


def _stale(path: str) -> StaleError:
    return StaleError(
        f"{path} changed since it was planned",
        "writing would take away what somebody else wrote; the file was left as it is",
        "trimtab plan",
    )


def _symlink(path: str) -> RefusedError:
    return RefusedError(
        f"{path} is, or leads through, a symbolic link or something that is no plain file",
        "writing there could change a file outside this repository",
        f"replace the link by a plain file: ls -l {path}",
    )


_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space (df -h .), then run the same command again"),
    errno.EDQUOT: ("your disk quota is used up", "free some space (quota -s), then run the same command again"),
    errno.EFBIG: ("the file may not grow that far", "raise the limit (ulimit -f unlimited), then try again"),
    errno.EROFS: ("the file system is read-only", "mount it writable, or use --delivery pull-request"),
    errno.EACCES: ("you may not write there", "check the owner: ls -ld . .github .github/workflows"),
    errno.EPERM: ("the system does not allow it", "check for immutable files: lsattr .github/workflows"),
    errno.EIO: ("the disk reports an error", "look at the system log: dmesg | tail"),
}


@contextmanager
def _refusing(action: str, path: str) -> Iterator[None]:
    """Turn what the system refuses into an error that says what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise RefusedError(f"cannot {action} {path}: its folder is gone", "", f"ls -l {path}") from error
    except OSError as error:
        reason, fix = _REASONS.get(error.errno or 0, (error.strerror or str(error), f"ls -l {path}"))
        why = f"{reason}; nothing of yours was changed or lost"
        raise RefusedError(f"cannot {action} {path}: {error.strerror}", why, fix) from error
