"""Lanes: 32 numbers, or 64 bytes, side by side that one instruction, or a few, handle as one.

Numba vectorises loops over arrays, but keeps the running result in memory; these small intrinsics over LLVM vector types keep
it in registers. LLVM makes them the widest instructions of the machine at hand, and legal ones on every other.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

LANES = 32  # 16 is 5 % faster in 1+1 dimensions and 25 % slower from 3+3 on; 64 the other way round
BYTES = 64  # lanes of single bytes


class Lanes(types.Type):
    """The Numba type of BYTES bytes, or of LANES numbers of another type, held in vector registers."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.count = BYTES if dtype.bitwidth == 8 else LANES
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """Memory layout of `Lanes`: one LLVM vector."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(dmm.lookup(fe_type.dtype).get_value_type(), fe_type.count))


@intrinsic
def splat(typingctx, value):
    """One number in all lanes."""

    def codegen(context, builder, sig, args):
        vector = context.get_value_type(sig.return_type)
        one = builder.insert_element(ir.Constant(vector, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
        return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)

    return Lanes(value)(value), codegen


@intrinsic
def at(typingctx, array, index):
    """Number `index` of a contiguous array, counted flat; no test for a negative index, unlike array[...]."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.load(builder.gep(data, [args[1]]))

    return array.dtype(array, types.intp), codegen


@intrinsic
def load(typingctx, array, start):
    """The numbers of a contiguous array from flat index `start` on."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        place = builder.gep(data, [args[1]])
        vector = context.get_value_type(sig.return_type)
        return builder.load(builder.bitcast(place, vector.as_pointer()), align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typingctx, array, start, lanes):
    """Write lanes to a contiguous array, from flat index `start` on."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        place = builder.gep(data, [args[1]])
        builder.store(args[2], builder.bitcast(place, args[2].type.as_pointer()), align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), codegen


@intrinsic
def lesser(typingctx, a, b):
    """min(a, b) lane by lane."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return a(a, b), codegen


@intrinsic
def greater(typingctx, a, b):
    """max(a, b) lane by lane."""

    def codegen(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return a(a, b), codegen


@intrinsic
def scaled_sum(typingctx, a, b, factor):
    """The sums a + factor b, lane by lane."""

    def codegen(context, builder, sig, args):
        a, b, factor = args
        return builder.fadd(a, builder.fmul(factor, b))

    return a(a, b, factor), codegen


@intrinsic
def larger_up_to(typingctx, most, a, limit):
    """max(most, a) lane by lane, where a <= limit; elsewhere, most."""

    def codegen(context, builder, sig, args):
        most, a, limit = args
        flags = builder.and_(builder.fcmp_ordered(">", a, most), builder.fcmp_ordered("<=", a, limit))
        return builder.select(flags, a, most)

    return most(most, a, limit), codegen


@intrinsic
def larger_difference(typingctx, most, a, b):
    """max(most, a - b) lane by lane."""

    def codegen(context, builder, sig, args):
        most, a, b = args
        d = builder.fsub(a, b)
        return builder.select(builder.fcmp_ordered(">", d, most), d, most)

    return most(most, a, b), codegen


@intrinsic
def larger_distance(typingctx, most, a, b):
    """max(most, |a - b|) lane by lane; for signed integers whose difference does not overflow, too."""
    whole = isinstance(a.dtype, types.Integer)

    def codegen(context, builder, sig, args):
        most, a, b = args
        if whole:
            zero, d = ir.Constant(a.type, None), builder.sub(a, b)
            d = builder.select(builder.icmp_signed("<", d, zero), builder.sub(zero, d), d)
            return builder.select(builder.icmp_signed(">", d, most), d, most)
        d = magnitude(builder, builder.fsub(a, b))
        return builder.select(builder.fcmp_ordered(">", d, most), d, most)

    return most(most, a, b), codegen


def magnitude(builder, value):
    """|value|, by clearing the sign bits: llvmlite cannot declare llvm.fabs for vectors."""
    width = {ir.FloatType: 32, ir.DoubleType: 64}[type(value.type.element)]
    whole = ir.VectorType(ir.IntType(width), value.type.count)
    kept = ir.Constant(whole, [2 ** (width - 1) - 1] * value.type.count)
    return builder.bitcast(builder.and_(builder.bitcast(value, whole), kept), value.type)


def as_bits(builder, flags):
    """Truth values as the low bits of an integer."""
    bits = builder.bitcast(flags, ir.IntType(flags.type.count))
    return bits if flags.type.count == 64 else builder.zext(bits, ir.IntType(64))


@intrinsic
def larger_excess(typingctx, most, a, b):
    """max(most, a - b) lane by lane, for unsigned integers; where a < b, most."""

    def codegen(context, builder, sig, args):
        most, a, b = args
        d = builder.select(builder.icmp_unsigned(">", a, b), builder.sub(a, b), ir.Constant(a.type, None))
        return builder.select(builder.icmp_unsigned(">", d, most), d, most)

    return most(most, a, b), codegen


@intrinsic
def larger_offset(typingctx, most, a, b):
    """max(most, a - b) lane by lane, for unsigned integers: where a < b the difference wraps round to a large one."""

    def codegen(context, builder, sig, args):
        most, a, b = args
        d = builder.sub(a, b)
        return builder.select(builder.icmp_unsigned(">", d, most), d, most)

    return most(most, a, b), codegen


@intrinsic
def largest(typingctx, value):
    """The largest of all lanes, as one number."""

    def codegen(context, builder, sig, args):
        vector, width = args[0], LANES
        while width > 1:  # the upper half against the lower
            width //= 2
            swapped = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [(i + width) % LANES for i in range(LANES)])
            other = builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), swapped)
            vector = builder.select(builder.fcmp_ordered(">", vector, other), vector, other)
        return builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    return value.dtype(value), codegen


@intrinsic
def load_float64(typingctx, array, start):
    """LANES numbers of a contiguous array, from flat index `start`, as float64."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        place = builder.gep(data, [args[1]])
        vector = ir.VectorType(data.type.pointee, LANES)
        narrow = builder.load(builder.bitcast(place, vector.as_pointer()), align=array.dtype.bitwidth // 8)
        wide = ir.VectorType(ir.DoubleType(), LANES)
        return narrow if narrow.type == wide else builder.fpext(narrow, wide)

    return Lanes(types.float64)(array, types.intp), codegen


@intrinsic
def gather_float64(typingctx, array, places, offset):
    """Lane i: number places[i] + offset of a contiguous array, counted flat, as float64."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        whole, flag = ir.IntType(64), ir.IntType(1)
        start = builder.ptrtoint(builder.gep(data, [args[2]]), whole)
        vector = args[1].type
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), start, ir.IntType(32)(0))
        first = builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
        size = ir.Constant(vector, [sig.args[0].dtype.bitwidth // 8] * LANES)
        where = builder.inttoptr(builder.add(first, builder.mul(args[1], size)), ir.VectorType(data.type, LANES))
        narrow, wide = (ir.VectorType(number, LANES) for number in (data.type.pointee, ir.DoubleType()))
        mask = ir.VectorType(flag, LANES)
        kind = ir.FunctionType(narrow, [where.type, ir.IntType(32), mask, narrow])
        name = f"llvm.masked.gather.v{LANES}f{sig.args[0].dtype.bitwidth}.v{LANES}p0"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        align = ir.IntType(32)(sig.args[0].dtype.bitwidth // 8)
        found = builder.call(function, [where, align, ir.Constant(mask, [1] * LANES), ir.Constant(narrow, ir.Undefined)])
        return found if narrow == wide else builder.fpext(found, wide)

    return Lanes(types.float64)(array, places, types.intp), codegen


@intrinsic
def difference(typingctx, a, b):
    """The differences a - b, lane by lane."""

    def codegen(context, builder, sig, args):
        return (builder.sub if isinstance(a.dtype, types.Integer) else builder.fsub)(*args)

    return a(a, b), codegen


@intrinsic
def add_where(typingctx, numbers, more, bits):
    """Whole numbers, and so much more in each lane whose bit is set."""

    def codegen(context, builder, sig, args):
        numbers, more, bits = args
        flags = builder.bitcast(builder.trunc(bits, ir.IntType(LANES)), ir.VectorType(ir.IntType(1), LANES))
        return builder.select(flags, builder.add(numbers, more), numbers)

    return numbers(numbers, more, types.uint64), codegen


def compared(operator):
    """Code that compares lane by lane: floats, signed and unsigned integers."""

    def codegen(context, builder, sig, args):
        dtype = sig.args[0].dtype
        if isinstance(dtype, types.Float):
            return as_bits(builder, builder.fcmp_ordered(operator, *args))
        compare = builder.icmp_signed if dtype.signed else builder.icmp_unsigned
        return as_bits(builder, compare(operator, *args))

    return codegen


@intrinsic
def at_most(typingctx, a, b):
    """Bit i of the result: lane i of a <= lane i of b."""
    return types.uint64(a, b), compared("<=")


@intrinsic
def above(typingctx, a, b):
    """Bit i of the result: lane i of a > lane i of b."""
    return types.uint64(a, b), compared(">")


@intrinsic
def below(typingctx, a, b):
    """Bit i of the result: lane i of a < lane i of b."""
    return types.uint64(a, b), compared("<")


@intrinsic
def any_between(typingctx, value, above, most):
    """Whether any lane of value is not below `above` and at most `most`."""

    def codegen(context, builder, sig, args):
        value, above, most = args
        flags = builder.and_(builder.fcmp_ordered(">=", value, above), builder.fcmp_ordered("<=", value, most))
        return builder.icmp_unsigned("!=", as_bits(builder, flags), ir.Constant(ir.IntType(64), 0))

    return types.boolean(value, above, most), codegen


@intrinsic
def lowest_bit(typingctx, bits):
    """Index of the lowest set bit."""

    def codegen(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), codegen


@intrinsic
def bit_count(typingctx, bits):
    """How many bits are set."""

    def codegen(context, builder, sig, args):
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of number `index` of a contiguous array, counted flat, without waiting for it."""

    def codegen(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), codegen
