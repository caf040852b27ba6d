"""The operations that a frozen graph may have: arithmetic, and none that reaches beyond it."""


def _set(names):
    return frozenset(names.split())


# Other names for their inputs.
ALIASES = _set(
    """
    CheckNumerics EnsureShape Identity IdentityN PreventGradient Snapshot StopGradient
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
    Abs Add AddN AddV2 BiasAdd BitwiseAnd BitwiseOr BitwiseXor Cast Ceil ClipByValue Cos Div DivNoNan Elu Equal Erf
    Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Inv Invert IsFinite IsInf IsNan LeakyRelu LeftShift Less
    LessEqual Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum Mod Mul MulNoNan Neg NotEqual Pow RealDiv
    Reciprocal Relu Relu6 RightShift Rint Round Rsqrt Select SelectV2 Selu Sigmoid Sign Sin Softplus Softsign Sqrt
    Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlogy
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
RANDOM = _set(
    """
    Multinomial RandomStandardNormal RandomUniform RandomUniformInt StatelessMultinomial StatelessRandomBinomial
    StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt
    StatelessRandomUniformFullIntV2 StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2
    StatelessTruncatedNormal StatelessTruncatedNormalV2 TruncatedNormal
    """
)
OTHERS = _set(
    """
    All Any ArgMax ArgMin AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 Bitcast BroadcastArgs BroadcastTo Const
    Conv2D Conv2DBackpropInput Cumsum DepthwiseConv2dNative Einsum Fill FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 LRN LinSpace LogSoftmax MatMul MatrixBandPart Max MaxPool MaxPoolV2 Mean Min MirrorPad OneHot
    Pad PadV2 Prod Range Softmax StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg
    Sum Tile TopKV2
    """
)
ADMITTED = SHAPES | ELEMENTWISE | MOVEMENTS | RANDOM | OTHERS
