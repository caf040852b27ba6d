"""The operations that a frozen graph may have: arithmetic, and none that reaches beyond it."""


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Other names for their inputs.
ALIASES = _set(
    """
    CheckNumericsV2 CheckNumerics EnsureShape Identity IdentityN PreventGradient Snapshot StopGradient
    """
)
# See only the shape of their input.
SHAPES = _set(
    """
    OnesLike Rank Shape ShapeN Size ZerosLike
    """
)
# From numbers to numbers, one by one.
ELEMENTWISE = _set(
    """
    Abs Acos Add AddN AddV2 Asin Atan BiasAdd Betainc BitwiseAnd BitwiseOr BitwiseXor Cast Ceil ClipByValue Cos Cosh
    Div DivNoNan Elu Equal Erf Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Inv Invert IsFinite IsInf
    IsNan LeakyRelu Lgamma LeftShift Less LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod
    Mul MulNoNan Neg NotEqual Pow RealDiv Reciprocal Relu Relu6 RightShift Rint Round Rsqrt Select SelectV2 Selu
    Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy
    Xlogy
    """
)
# The same numbers in another shape.
MOVES = _set(
    """
    ExpandDims Identity Reshape Squeeze
    """
)
# The same numbers in other places, or some of them: which, does not depend on what they are.
MOVEMENTS = MOVES | _set(
    """
    Concat ConcatV2 DepthToSpace GatherNd GatherV2 Pack Reverse ReverseV2 Slice SpaceToDepth Split SplitV
    StridedSlice Transpose Unpack
    """
)
# Random numbers by a seed.
RANDOM = _set(
    """
    StatelessMultinomial StatelessParameterizedTruncatedNormal StatelessRandomBinomial StatelessRandomGammaV2
    StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomPoisson StatelessRandomUniform
    StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2 StatelessRandomUniformInt
    StatelessRandomUniformIntV2 StatelessRandomUniformV2 StatelessTruncatedNormal StatelessTruncatedNormalV2
    """
)
# Random numbers by a state that is kept somewhere: the operation that draws the same by a seed, which of its inputs are
# the old one's by their number (without the state), and the names of attributes, old to new.
SEEDED = {
    "Multinomial": ("StatelessMultinomial", (0, 1, "seed"), {"T": "T", "output_dtype": "output_dtype"}),
    "RandomStandardNormal": ("StatelessRandomNormal", (0, "seed"), {"T": "T", "dtype": "dtype"}),
    "RandomUniform": ("StatelessRandomUniform", (0, "seed"), {"T": "T", "dtype": "dtype"}),
    "RandomUniformInt": ("StatelessRandomUniformInt", (0, "seed", 1, 2), {"T": "T", "Tout": "dtype"}),
    "StatefulRandomBinomial": ("StatelessRandomBinomial", (1, "seed", 2, 3), {"S": "S", "T": "T", "dtype": "dtype"}),
    "TruncatedNormal": ("StatelessTruncatedNormal", (0, "seed"), {"T": "T", "dtype": "dtype"}),
}
OTHERS = _set(
    """
    All Any ArgMax ArgMin AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 Bitcast BroadcastArgs BroadcastTo Bincount
    Const Conv2D Conv2DBackpropInput Conv3D Cumprod Cumsum DepthwiseConv2dNative Diag DiagPart Einsum Erfc Erfinv
    ExtractImagePatches Fill FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 InvertPermutation L2Loss LRN LinSpace
    LogSoftmax MatMul MatrixBandPart MatrixDiagV3 MatrixDiagPartV3 Max MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax
    Mean Min MirrorPad OneHot Pad PadV2 Prod Range ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor
    Roll ScatterNd SegmentMax SegmentSum SelfAdjointEigV2 Softmax SpaceToBatchND BatchToSpaceND
    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg Sum TensorScatterAdd
    TensorScatterUpdate Tile TopKV2 UnsortedSegmentMax UnsortedSegmentSum Where
    """
)
ADMITTED = ALIASES | SHAPES | ELEMENTWISE | MOVEMENTS | RANDOM | OTHERS
