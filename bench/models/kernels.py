"""Triton kernels for the convolutions of a pack; `cuda` launches them.

A layer of stride 2 relates two sides: `big`, (K, B, 2H, 2W, CB), and `small`, (K, B, H, W, CS). A
convolution goes from big to small, a transposed one back, and each is the other's gradient. One
matrix of weights, (K, SIZE * SIZE * CB, CS), serves both. A mask is the rectified output of the
layer whose gradient is read: where it is 0, so is the gradient.
"""

import triton
import triton.language as tl


@triton.jit
def _dot(a, b, PRECISION: tl.constexpr):
    return tl.dot(a, b, input_precision=PRECISION)


@triton.jit
def down(
    big, mask, weight, bias, small, images, height, width,
    CB: tl.constexpr, CS: tl.constexpr, SIZE: tl.constexpr, DEPTH: tl.constexpr,
    MASKED: tl.constexpr, BIASED: tl.constexpr, RECTIFIED: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Convolve: small = big through the weights, a tile of ROWS positions a program."""
    PAD: tl.constexpr = SIZE // 2 - 1
    member = tl.program_id(1).to(tl.int64)
    count = images * height * width
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    image = rows // (height * width)
    top = 2 * (rows // width % height) - PAD
    left = 2 * (rows % width) - PAD
    big += member * count * 4 * CB
    mask += member * count * 4 * CB
    weight += member * SIZE * SIZE * CB * CS
    columns = tl.arange(0, CS)
    total = tl.zeros((ROWS, CS), tl.float32)
    depth = tl.arange(0, DEPTH)
    # A tap at a time where there are channels enough for a product, else all taps at once.
    for step in range(0, SIZE * SIZE * CB, DEPTH):
        flat = step + depth
        i = (flat // CB // SIZE)[None, :]
        j = (flat // CB % SIZE)[None, :]
        if DEPTH == CB:
            i = step // CB // SIZE
            j = step // CB % SIZE
        y = top[:, None] + i
        x = left[:, None] + j
        inside = (rows < count)[:, None] & (y >= 0) & (y < 2 * height) & (x >= 0) & (x < 2 * width)
        if DEPTH != CB:
            inside = inside & (flat < SIZE * SIZE * CB)[None, :]
        at = ((image[:, None] * 2 * height + y) * 2 * width + x) * CB + (flat % CB)[None, :]
        pixels = tl.load(big + at, mask=inside, other=0.0)
        if MASKED:
            lit = tl.load(mask + at, mask=inside, other=0.0)
            pixels = tl.where(lit <= 0, 0.0, pixels)
        if DEPTH == CB:
            factors = tl.load(weight + flat[:, None] * CS + columns[None, :])
        else:
            factors = tl.load(
                weight + flat[:, None] * CS + columns[None, :],
                mask=(flat < SIZE * SIZE * CB)[:, None],
                other=0.0,
            )
        total += _dot(pixels.to(factors.dtype), factors, PRECISION)
    if BIASED:
        total += tl.load(bias + member * CS + columns)[None, :]
    if RECTIFIED:
        # Not a maximum, which would make a number of what is none, and hide a divergence.
        total = tl.where(total <= 0, 0.0, total)
    small += member * count * CS
    tl.store(
        small + rows[:, None] * CS + columns[None, :],
        total.to(small.dtype.element_ty),
        mask=(rows < count)[:, None],
    )


@triton.jit
def up(
    small, mask, weight, bias, big, images, height, width,
    CB: tl.constexpr, CS: tl.constexpr, SIZE: tl.constexpr,
    MASKED: tl.constexpr, BIASED: tl.constexpr, RECTIFIED: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Convolve with the transpose: big = small through the weights, one parity a program."""
    PAD: tl.constexpr = SIZE // 2 - 1
    p = tl.program_id(1) // 2
    q = tl.program_id(1) % 2
    member = tl.program_id(2).to(tl.int64)
    count = images * height * width
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    image = rows // (height * width)
    row = rows // width % height
    column = rows % width
    small += member * count * CS
    mask += member * count * CS
    weight += member * SIZE * SIZE * CB * CS
    depth = tl.arange(0, CS)
    columns = tl.arange(0, CB)
    total = tl.zeros((ROWS, CB), tl.float32)
    for place in range(0, SIZE * SIZE // 4):
        a = place // (SIZE // 2)
        b = place % (SIZE // 2)
        y = row + (p + PAD) // 2 - a
        x = column + (q + PAD) // 2 - b
        tap = ((p + PAD) % 2 + 2 * a) * SIZE + (q + PAD) % 2 + 2 * b
        inside = (rows < count) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        at = ((image * height + y) * width + x)[:, None] * CS + depth[None, :]
        values = tl.load(small + at, mask=inside[:, None], other=0.0)
        if MASKED:
            lit = tl.load(mask + at, mask=inside[:, None], other=0.0)
            values = tl.where(lit <= 0, 0.0, values)
        factors = tl.load(weight + (tap * CB + columns)[None, :] * CS + depth[:, None])
        total += _dot(values.to(factors.dtype), factors, PRECISION)
    if BIASED:
        total += tl.load(bias + member * CB + columns)[None, :]
    if RECTIFIED:
        # Not a maximum, which would make a number of what is none, and hide a divergence.
        total = tl.where(total <= 0, 0.0, total)
    big += member * count * 4 * CB
    at = ((image * 2 * height + 2 * row + p) * 2 * width + 2 * column + q)[:, None] * CB
    tl.store(
        big + at + columns[None, :],
        total.to(big.dtype.element_ty),
        mask=(rows < count)[:, None],
    )


@triton.jit
def up_to_image(
    small, weight, bias, big, images, height, width,
    CB: tl.constexpr, CS: tl.constexpr, SIZE: tl.constexpr, WIDTH: tl.constexpr,
    PRECISION: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Do that for the few channels of an image: all four parities are columns of one product."""
    PAD: tl.constexpr = SIZE // 2 - 1
    member = tl.program_id(1).to(tl.int64)
    count = images * height * width
    rows = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    image = rows // (height * width)
    row = rows // width % height
    column = rows % width
    small += member * count * CS
    weight += member * SIZE * SIZE * CB * CS
    depth = tl.arange(0, CS)
    columns = tl.arange(0, WIDTH)
    p = columns // (2 * CB)
    q = columns // CB % 2
    channel = columns % CB
    total = tl.zeros((ROWS, WIDTH), tl.float32)
    for place in range(0, 9):
        dy = place // 3 - 1
        dx = place % 3 - 1
        y = row + dy
        x = column + dx
        inside = (rows < count) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        at = ((image * height + y) * width + x)[:, None] * CS + depth[None, :]
        values = tl.load(small + at, mask=inside[:, None], other=0.0)
        i = p + PAD - 2 * dy
        j = q + PAD - 2 * dx
        there = (columns < 4 * CB) & (i >= 0) & (i < SIZE) & (j >= 0) & (j < SIZE)
        factors = tl.load(
            weight + ((i * SIZE + j) * CB + channel)[None, :] * CS + depth[:, None],
            mask=there[None, :],
            other=0.0,
        )
        total += _dot(values.to(factors.dtype), factors, PRECISION)
    total += tl.load(bias + member * CB + channel)[None, :]
    big += member * count * 4 * CB
    at = (image * 2 * height + 2 * row)[:, None] + p[None, :]
    at = at * 2 * width + 2 * column[:, None] + q[None, :]
    tl.store(
        big + at * CB + channel[None, :],
        total,
        mask=(rows < count)[:, None] & (columns < 4 * CB)[None, :],
    )


@triton.jit
def gradient(
    big, big_mask, small, small_mask, product, big_sums, small_sums, images, height, width, tiles,
    CB: tl.constexpr, CS: tl.constexpr, SIZE: tl.constexpr, TAPS: tl.constexpr,
    BIG_MASKED: tl.constexpr, SMALL_MASKED: tl.constexpr,
    BFLOAT16: tl.constexpr, PRECISION: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Multiply big, transposed, by small: a part of the taps and of the rows a program; sum both.

    TAPS rows of the product: (tap, channel of big) in one index.
    """
    PAD: tl.constexpr = SIZE // 2 - 1
    LAST: tl.constexpr = SIZE * SIZE * CB
    part = tl.program_id(1)
    member = tl.program_id(2).to(tl.int64)
    place = part * tl.num_programs(2) + member
    count = images * height * width
    flat = tl.program_id(0) * TAPS + tl.arange(0, TAPS)
    i = flat // CB // SIZE
    j = flat // CB % SIZE
    columns = tl.arange(0, CS)
    big += member * count * 4 * CB
    big_mask += member * count * 4 * CB
    small += member * count * CS
    small_mask += member * count * CS
    total = tl.zeros((TAPS, CS), tl.float32)
    of_big = tl.zeros((TAPS,), tl.float32)
    of_small = tl.zeros((CS,), tl.float32)
    for tile in range(part * tiles, part * tiles + tiles):
        rows = tile * ROWS + tl.arange(0, ROWS)
        image = rows // (height * width)
        y = 2 * (rows // width % height)[None, :] - PAD + i[:, None]
        x = 2 * (rows % width)[None, :] - PAD + j[:, None]
        inside = (rows < count)[None, :] & (flat < LAST)[:, None]
        inside = inside & (y >= 0) & (y < 2 * height) & (x >= 0) & (x < 2 * width)
        at = ((image[None, :] * 2 * height + y) * 2 * width + x) * CB + (flat % CB)[:, None]
        pixels = tl.load(big + at, mask=inside, other=0.0)
        if BIG_MASKED:
            lit = tl.load(big_mask + at, mask=inside, other=0.0)
            pixels = tl.where(lit <= 0, 0.0, pixels)
            of_big += tl.sum(pixels.to(tl.float32), 1)
        at = rows[:, None] * CS + columns[None, :]
        values = tl.load(small + at, mask=(rows < count)[:, None], other=0.0)
        if SMALL_MASKED:
            lit = tl.load(small_mask + at, mask=(rows < count)[:, None], other=0.0)
            values = tl.where(lit <= 0, 0.0, values)
            of_small += tl.sum(values.to(tl.float32), 0)
        if BFLOAT16:
            total += _dot(pixels.to(tl.bfloat16), values.to(tl.bfloat16), PRECISION)
        else:
            total += _dot(pixels, values, PRECISION)
    product += place * LAST * CS
    tl.store(product + flat[:, None] * CS + columns[None, :], total, mask=(flat < LAST)[:, None])
    if BIG_MASKED:
        tl.store(big_sums + place * LAST + flat, of_big, mask=flat < LAST)
    if SMALL_MASKED and tl.program_id(0) == 0:
        tl.store(small_sums + place * CS + columns, of_small)
