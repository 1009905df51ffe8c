"""Where official files come from: what a message says of it, and the download where it is safe."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ._cache import cache_folder
from ._known import content_digest
from ._paths import expanded, present, present_folder, shown


@dataclass(frozen=True)
class Remote:
    """A file on a server, and its checksum as pooch writes it: `sha256:…`."""

    url: str
    checksum: str

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[1]

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return Path(self.file_name).suffix


@dataclass(frozen=True)
class Source:
    """The official files of a dataset.

    Attributes
    ----------
    name : str
        What `load` calls the dataset.
    title : str
        What people call it.
    place : str
        Name of the file, or of the folder of files, in the cache folder.
    where : str
        Where a person gets it.
    remotes : tuple of Remote
        The files, where their checksums are certain; else empty.
    why_not : str
        Why there is no download, where there is none.
    kinds : tuple of str
        What `path` may name: "file", "folder" or both.
    files : str
        What a person gets, where it is a folder of files.
    """

    name: str
    title: str
    place: str
    where: str
    remotes: tuple[Remote, ...] = ()
    why_not: str = ""
    kinds: tuple[str, ...] = ("file",)
    files: str = ""

    @property
    def label(self) -> str:
        """How a message names the option."""
        return f"{self.name}: option 'path'"

    def remedy(self) -> str:
        """Say where the official files are, and what to do with them."""
        download = f", or run 'disbench datasets download {self.name}' where there is a network"
        if self.kinds == ("folder",):
            steps = (
                f"get {self.files} from {self.where} into one folder, and name that folder by the "
                f"option path, or make it {cache_folder() / self.place}"
            )
        else:
            steps = (
                f"get {self.place} from {self.where} and name it by the option path, or put it "
                f"into {cache_folder()}"
            )
        return steps + (download if self.remotes else "")

    def at(self, path: str | None) -> Path:
        """Return the place of the files, by default in the cache folder.

        Raises
        ------
        FileNotFoundError
            Nothing is there; the message has the place and the remedy.
        ValueError
            Something else is there than it should be.
        """
        place = expanded(path, self.label) if path else cache_folder() / self.place
        try:
            if "folder" in self.kinds and (self.kinds == ("folder",) or place.is_dir()):
                return present_folder(place, self.label)
            return present(place, self.label)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self.label}: there is no {self.title} at {shown(place)}; {self.remedy()}"
            ) from None

    def compare(self, paths: Iterable[Path]) -> None:
        """Warn of files whose checksum is not the published one.

        No error: files of other bytes and the same images exist. What a person unpacked or wrote
        in another format has another ending, and is not compared.
        """
        for path, remote in itertools.product(paths, self.remotes):
            alone = len(self.remotes) == 1  # it may have been renamed
            if path.name == remote.file_name or (alone and path.suffix == remote.suffix):
                algorithm, published = remote.checksum.split(":")
                digest = content_digest(path, algorithm)
                if digest != published:
                    _warn(
                        f"{shown(path)} is not the published file of {self.title}: its "
                        f"{algorithm.upper()} is {digest}, not {published}. It is damaged or "
                        f"another version; {self.remedy()}"
                    )

    def download(self) -> Path:
        """Download the official files into the cache folder, verified; return their place.

        Raises
        ------
        ValueError
            No checksum is certain, so nothing is downloaded. The message names the remedy.
        OSError
            No network, or another content: nothing of it is kept.
        """
        if not self.remotes:
            raise ValueError(f"{self.title} is not downloaded: {self.why_not}; {self.remedy()}")
        place = cache_folder() / self.place
        folder = place if self.kinds == ("folder",) else place.parent
        for remote in self.remotes:
            fetch(remote, folder, self.title, self.remedy())
        return place


@cache  # once, however often a dataset is loaded
def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=2)


def fetch(remote: Remote, folder: Path, title: str, remedy: str) -> Path:
    """Download a file into a folder, verified; return its path. What is there is not fetched again.

    Raises
    ------
    OSError
        No network, or another content: nothing is kept. The message has the remedy.
    """
    import pooch

    place = folder / remote.file_name
    if place.exists():
        present(place, "the cache folder")  # it would wait for a pipe
    try:
        name = pooch.retrieve(
            remote.url, known_hash=remote.checksum, fname=remote.file_name, path=folder
        )
    except (OSError, ValueError) as error:
        raise OSError(f"cannot download {title} ({error}): {remedy}") from None
    return Path(name)
