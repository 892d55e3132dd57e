"""
One SQLite file: opened durably, migrated step by step, written in short exclusive transactions

WAL with synchronous=FULL: a commit that returned survives a power cut. Writers start with BEGIN IMMEDIATE and wait
up to `BUSY_SECONDS` for each other; what SQLite then still refuses becomes a RefusedError or LockedError.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trimtab.errors import LockedError, RefusedError

BUSY_SECONDS = 10.0

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE runs (
            workflow TEXT NOT NULL, id INTEGER NOT NULL, attempt INTEGER NOT NULL, created INTEGER NOT NULL,
            conclusion TEXT, started INTEGER, ended INTEGER, event TEXT, branch TEXT, sha TEXT, number INTEGER,
            pull_request INTEGER, actor TEXT, fork INTEGER NOT NULL, blob TEXT, jobs TEXT,
            PRIMARY KEY (workflow, id, attempt)) WITHOUT ROWID""",
        "CREATE INDEX runs_by_time ON runs (created)",
        "CREATE TABLE windows (workflow TEXT PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE cursors (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE files_changed (sha TEXT PRIMARY KEY, paths TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE blobs (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL)",
        "CREATE TABLE entries (id TEXT PRIMARY KEY, seq INTEGER NOT NULL, intervention TEXT, body BLOB NOT NULL)",
        "CREATE INDEX entries_by_seq ON entries (seq)",
        "CREATE TABLE marks (entry TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
        "CREATE TRIGGER entries_hold BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    ),
    ("CREATE TABLE own (entry TEXT PRIMARY KEY) WITHOUT ROWID",),
)


class Database:
    """An open state file. Not shared between threads: each opens its own."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open(cls, path: Path | str, *, busy_seconds: float = BUSY_SECONDS) -> Database:
        """Open or create the state file at `path` and bring it up to date; RefusedError when it cannot be."""
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(path, str(error)) from error
        with translated(path):
            connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=FULL")
                database = cls(path, connection)
                database._migrate()
            except BaseException:
                connection.close()
                raise
        return database

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """All rows of one query."""
        with translated(self.path):
            return self._connection.execute(sql, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction: committed when the block ends, rolled back when it raises."""
        with translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._commit()
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def home(self) -> str:
        """A random name of this state file, made once: tells entries of this machine from those that were synced."""
        with self.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO meta VALUES ('home', ?)", (os.urandom(8).hex(),))
            (value,) = connection.execute("SELECT value FROM meta WHERE name = 'home'").fetchone()
        return str(value)

    def _commit(self) -> None:
        """The one place where anything becomes durable in this file; the crash suite kills here."""
        self._connection.execute("COMMIT")

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return
        with self.writing() as connection:
            version = self._version()  # again, now that no other process can migrate
            if version > len(MIGRATIONS):
                raise RefusedError(
                    f"{self.path} was written by a newer Trimtab (schema {version}, this one knows {len(MIGRATIONS)})",
                    "an older program would misread what was done to your workflows",
                    "pip install --upgrade trimtab",
                )
            for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    def _version(self) -> int:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        return int(version)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite refuses into an error that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "locked" in text:
            raise LockedError(
                f"{path} has been busy for more than {BUSY_SECONDS:.0f} seconds",
                "another Trimtab is writing to it",
                "wait for it to end, then run the command again",
            ) from error
        if "full" in text:
            why = "the disk is full; nothing was written"
            raise RefusedError(f"cannot write {path}: {text}", why, f"free some space: df -h {path.parent}") from error
        raise _unwritable(path, text) from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError):
            raise
        raise RefusedError(
            f"{path} cannot be read as a state file: {error}",
            "the record of past changes is in it; the backups beside your workflows do not need it",
            f"move it away (mv {path} {path}.broken); trimtab then starts afresh",
        ) from error


def _unwritable(path: Path, text: str) -> RefusedError:
    return RefusedError(
        f"cannot use {path}: {text}",
        "Trimtab writes down what it is about to do before it does it, so it needs a writable place",
        "TRIMTAB_HOME=$HOME/.local/state/trimtab trimtab ...",
    )
