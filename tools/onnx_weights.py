"""Weights of an ONNX file under the names that they had in PyTorch.

An exporter keeps the names of most parameters. The matrices of linears it stores transposed and
without a name; their names follow from the biases that are added to the products. DINOv2's position
embeddings are cut into those of the class token and those of the patches.

ONNX is a protocol buffer: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Of it only what
stands here is read: nodes and initializers of the graph, and of these the raw bytes.
"""
import collections

# TensorProto.DataType: PyTorch's storage, bytes per element.
TYPES = {1: ("FloatStorage", 4), 2: ("ByteStorage", 1), 3: ("CharStorage", 1),
         5: ("ShortStorage", 2), 6: ("IntStorage", 4), 7: ("LongStorage", 8),
         9: ("BoolStorage", 1), 10: ("HalfStorage", 2), 11: ("DoubleStorage", 8),
         16: ("BFloat16Storage", 2)}
# Numbers of fields.
MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_TYPE = 1, 2, 4
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW, TENSOR_EXTERNAL = 1, 2, 8, 9, 13

Node = collections.namedtuple("Node", "type inputs outputs")
Weight = collections.namedtuple("Weight", "storage size shape data")


class Damaged(Exception):
    """Something about the file, told in one line."""


def read_number(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Damaged("a damaged ONNX file")
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """Yields (number, value) of each field: a whole number, or bytes."""
    at = 0
    while at < len(data):
        key, at = read_number(data, at)
        kind = key & 7
        if kind == 0:
            value, at = read_number(data, at)
        else:
            if kind == 2:
                size, at = read_number(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise Damaged("a damaged ONNX file, or none")
            if size > len(data) - at:
                raise Damaged("a damaged ONNX file, cut off")
            value, at = data[at:at + size], at + size
        yield key >> 3, value


def text(value):
    return bytes(value).decode()


def numbers(value):
    """A repeated number, packed or not."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = read_number(value, at)
        found.append(number)
    return found


def read_weight(data):
    name, kind, shape, raw = "", 0, [], None
    for field, value in fields(data):
        if field == TENSOR_DIMS:
            shape += numbers(value)
        elif field == TENSOR_TYPE:
            kind = value
        elif field == TENSOR_NAME:
            name = text(value)
        elif field == TENSOR_RAW:
            raw = value
        elif field == TENSOR_EXTERNAL:
            raise Damaged("tensor %s: its values are in another file; save the model in one" % name)
    if kind not in TYPES or raw is None:
        return name, None  # a constant of the graph
    storage, size = TYPES[kind]
    count = size
    for length in shape:
        count *= length
    if count != len(raw):
        raise Damaged("tensor %s: %d bytes, where its shape has %d" % (name, len(raw), count))
    return name, Weight(storage, size, tuple(shape), raw)


def read_node(data):
    inputs, outputs, kind = [], [], ""
    for field, value in fields(data):
        if field == NODE_INPUT:
            inputs.append(text(value))
        elif field == NODE_OUTPUT:
            outputs.append(text(value))
        elif field == NODE_TYPE:
            kind = text(value)
    return Node(kind, inputs, outputs)


def read_graph(data):
    nodes, weights = [], {}
    for field, graph in fields(data):
        if field != MODEL_GRAPH or isinstance(graph, int):
            continue
        for inner, value in fields(graph):
            if inner == GRAPH_NODE:
                nodes.append(read_node(value))
            elif inner == GRAPH_INITIALIZER:
                name, weight = read_weight(value)
                if weight:
                    weights[name] = weight
    if not weights:
        raise Damaged("no ONNX file, or one without weights")
    return nodes, weights


def transposed(weight):
    """[in, out] -> [out, in]"""
    rows, columns = weight.shape
    out = bytearray(len(weight.data))
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[weight.size]
    source, target = memoryview(weight.data).cast(code), memoryview(out).cast(code)
    for column in range(columns):
        target[column * rows:(column + 1) * rows] = source[column::columns]
    return weight._replace(shape=(columns, rows), data=bytes(out))


def linears(nodes, weights):
    """Finds the anonymous matrices: (their name in the file, that of the parameter)."""
    products = {node.outputs[0]: node.inputs[1] for node in nodes if node.type == "MatMul" and
                len(node.inputs) == 2 and node.outputs and node.inputs[1] in weights}
    for node in nodes:
        pair = node.inputs if node.type == "Add" and len(node.inputs) == 2 else ()
        for bias, product in (pair, pair[::-1]) if pair else ():
            matrix = products.get(product)
            if matrix and bias.endswith(".bias") and len(weights[matrix].shape) == 2:
                yield matrix, bias[:-len("bias")] + "weight"


def positions(nodes, weights):
    """The position embeddings of a DINOv2: those of the class token joined, by a Concat, with those
    of the patches, which a Reshape takes first: (both names, the parameter's)."""
    token = [name for name in weights if name.endswith("embeddings.cls_token")]
    anonymous = {name for name in weights if name.startswith("onnx::")}
    if len(token) != 1:
        return None
    dim = weights[token[0]].shape[-1]
    first = [name for node in nodes if node.type == "Concat" for name in node.inputs
             if name in anonymous and weights[name].shape == (1, 1, dim)]
    rest = [node.inputs[0] for node in nodes if node.type == "Reshape" and node.inputs
            if node.inputs[0] in anonymous and len(weights[node.inputs[0]].shape) == 3 and
            weights[node.inputs[0]].shape[::2] == (1, dim)]
    if len(first) != 1 or len(rest) != 1:
        return None
    return first[0], rest[0], token[0][:-len("cls_token")] + "position_embeddings"


def read(path):
    """{name: Weight} of the parameters."""
    with open(path, "rb") as file:
        data = memoryview(file.read())
    nodes, weights = read_graph(data)
    named = {name: weight for name, weight in weights.items() if not name.startswith("onnx::")}
    for matrix, name in linears(nodes, weights):
        named[name] = transposed(weights[matrix])
    found = positions(nodes, weights)
    if found:
        first, rest, name = (weights.get(part, part) for part in found)
        named[name] = first._replace(shape=(1, 1 + rest.shape[1], rest.shape[2]),
                                     data=bytes(first.data) + bytes(rest.data))
    return named
