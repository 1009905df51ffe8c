"""Read the weights that `torch.save` wrote, as arrays and without torch, from untrusted files.

Such a file is a zip archive: a pickle that names tensors and where they lie, and a file of plain
numbers for each. Nothing is unpickled. The few steps that a pickle of tensors by name is made of
are carried out here one by one, on plain values, and any other is refused.
"""

from __future__ import annotations

import io
import math
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A name and a few whole numbers a tensor: that of forty tensors has 5,000 bytes.
_MOST_STEPS = 2**20
_STORAGES = {"torch FloatStorage": "<f4", "torch HalfStorage": "<f2"}
_TENSOR = "torch._utils _rebuild_tensor_v2"
# What torch keeps hooks in; there are none in a file.
_HOOKS = "collections OrderedDict"


@dataclass(frozen=True)
class _Global:
    name: str


@dataclass(frozen=True)
class _Storage:
    values: NDArray[Any]


class _Mark:
    pass


def read_tensors(content: bytes) -> dict[str, NDArray[np.float32]]:
    """Return the tensors of a plain state dict, as `torch.save` wrote it, by name.

    Parameters
    ----------
    content : bytes
        The file: tensors of float32 or float16 in rows, each with numbers of its own.

    Returns
    -------
    dict
        Arrays in float32, of the tensors' shapes.

    Raises
    ------
    ValueError
        If it is anything else.

    Examples
    --------
    >>> read_tensors(b"not a zip archive")
    Traceback (most recent call last):
    ValueError: it is no archive of tensors: File is not a zip file
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _tensors(archive, len(content))
    # What zipfile, pickletools and numpy raise of content that torch did not write.
    except (
        zipfile.BadZipFile,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        ArithmeticError,
        EOFError,
        OSError,
        RuntimeError,
        MemoryError,
    ) as error:
        raise ValueError(f"it is no archive of tensors: {error}") from None


def _tensors(archive: zipfile.ZipFile, size: int) -> dict[str, NDArray[np.float32]]:
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise ValueError("two of its files have one name")
    # Torch compresses nothing, so a file that unpacks to more than it is was made to fill memory.
    if sum(entry.file_size for entry in entries.values()) > size or any(
        entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()
    ):
        raise ValueError("it is compressed")
    (steps,) = (name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl"))
    root = steps.removesuffix("data.pkl")
    if entries[steps].file_size > _MOST_STEPS:
        raise ValueError("it lists too much")
    if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
        raise ValueError("its numbers are not little-endian")

    def storage(kind: _Global, key: str, count: int) -> _Storage:
        number = np.dtype(_STORAGES[kind.name])
        name = f"{root}data/{key}"
        if entries[name].file_size != count * number.itemsize:
            raise ValueError(f"{key!r} has not the size that is said")
        return _Storage(np.frombuffer(archive.read(name), number))

    state = _carried_out(archive.read(steps), storage)
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, np.ndarray) for name, value in state.items()
    ):
        raise ValueError("it is no table of tensors by name")
    # Several may share their numbers.
    if sum(value.nbytes for value in state.values()) > size:
        raise ValueError("its tensors are larger than it is")
    return {name: value.astype(np.float32) for name, value in state.items()}


def _carried_out(steps: bytes, storage: Callable[[_Global, str, int], _Storage]) -> Any:
    """Return what the steps of a pickle make, of which only those of plain tensors are known."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}

    def above_mark() -> list[Any]:
        place = max(i for i, value in enumerate(stack) if isinstance(value, _Mark))
        values = stack[place + 1 :]
        del stack[place:]
        return values

    def last(count: int) -> tuple[Any, ...]:
        if len(stack) < count:
            raise ValueError("it takes what is not there")
        values = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return tuple(values)

    for step, argument, _ in pickletools.genops(steps):
        match step.name:
            case "PROTO" if argument == 2:
                pass
            case "MARK":
                stack.append(_Mark())
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "BINUNICODE" | "BININT" | "BININT1" | "BININT2":
                stack.append(argument)
            case "NEWFALSE":
                stack.append(False)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(last(int(step.name[-1])))
            case "TUPLE":
                stack.append(tuple(above_mark()))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL" if argument in (_TENSOR, _HOOKS, *_STORAGES):
                stack.append(_Global(argument))
            case "BINPERSID":
                word, kind, key, _, count = stack.pop()
                if word != "storage" or not isinstance(key, str) or type(count) is not int:
                    raise ValueError("it names no numbers")
                stack.append(storage(kind, key, count))
            case "REDUCE":
                function, arguments = last(2)
                stack.append(_called(function, arguments))
            case "SETITEM" | "SETITEMS":
                values = list(last(2)) if step.name == "SETITEM" else above_mark()
                stack[-1].update(zip(values[::2], values[1::2], strict=True))
            case "STOP":
                (result,) = stack
                return result
            case _:
                raise ValueError(f"it has a step that tensors have not: {step.name} {argument}")
    raise ValueError("it ends too early")


def _called(function: _Global, arguments: tuple[Any, ...]) -> Any:
    if function.name == _HOOKS and not arguments:
        return {}
    if function.name != _TENSOR:
        raise ValueError(f"it calls {function.name}")
    numbers, offset, shape, strides, *rest = arguments
    if not isinstance(numbers, _Storage) or rest != [False, {}]:
        raise ValueError("it has a tensor that is not plain")
    whole = (offset, *shape, *strides)
    if any(type(number) is not int or number < 0 for number in whole):
        raise ValueError("it has a tensor without a shape")
    # Rows one behind another, as weights are; axes of length 1 may have any stride.
    in_rows = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    if len(shape) != len(strides) or any(
        stride != expected and length != 1
        for length, stride, expected in zip(shape, strides, in_rows, strict=True)
    ):
        raise ValueError("it has a tensor that does not lie in rows")
    count = math.prod(shape)
    if offset + count > len(numbers.values):
        raise ValueError("it has a tensor that is larger than its numbers")
    return numbers.values[offset : offset + count].reshape(shape)
