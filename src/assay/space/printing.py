"""A tree as text that parses to the same tree, and as LaTeX."""

from __future__ import annotations

from assay.space.syntax import Binary, Call, Comparison, Constant, Name, Node, Number, Unary

__all__ = ["to_latex", "to_text"]

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "^": 4}
_SIGN, _ATOM = 3, 5
_GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "mu",
        "nu",
        "xi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Xi",
        "Pi",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
    ]
)
_LATEX_FUNCTIONS = {
    "asin": r"\arcsin",
    "acos": r"\arccos",
    "atan": r"\arctan",
    "log10": r"\log_{10}",
    "log": r"\ln",
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "max", "min")},
}


def _binding(node: Node) -> int:
    match node:
        case Binary(operator):
            return _PRECEDENCE[operator]
        case Unary():
            return _SIGN
        case Comparison():
            return 0
        case _:
            return _ATOM


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and value < 1e15 else repr(value)


def to_text(node: Node) -> str:
    """The canonical text: it parses to the same tree."""
    match node:
        case Number(value):
            return _number(value)
        case Constant(name) | Name(name):
            return name
        case Unary(operand):
            return f"-{_enclosed(operand, _SIGN)}"
        case Binary("^", left, right):
            return f"{_enclosed(left, _ATOM)}^{_enclosed(right, _SIGN)}"
        case Binary(operator, left, right):
            binding = _PRECEDENCE[operator]
            gap = " " if operator in "+-" else ""
            return f"{_enclosed(left, binding)}{gap}{operator}{gap}{_enclosed(right, binding + 1)}"
        case Call(function, arguments):
            return f"{function}({', '.join(map(to_text, arguments))})"
        case Comparison(operators, operands):
            parts = [to_text(operands[0])]
            for operator, operand in zip(operators, operands[1:], strict=True):
                parts += [operator, to_text(operand)]
            return " ".join(parts)


def _enclosed(node: Node, minimum: int) -> str:
    return to_text(node) if _binding(node) >= minimum else f"({to_text(node)})"


def to_latex(node: Node) -> str:
    """LaTeX for the mathematical mode; names keep their words, Greek words become letters."""
    match node:
        case Number(value):
            mantissa, _, exponent = _number(value).partition("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa
        case Constant(name):
            return r"\pi" if name == "PI" else r"\mathrm{e}"
        case Name(name):
            return _latex_name(name)
        case Unary(operand):
            return f"-{_latex_enclosed(operand, _SIGN)}"
        case Binary("^", left, right):
            return f"{_latex_enclosed(left, _ATOM)}^{{{to_latex(right)}}}"
        case Binary("/", left, right):
            return rf"\frac{{{to_latex(left)}}}{{{to_latex(right)}}}"
        case Binary(operator, left, right):
            binding = _PRECEDENCE[operator]
            sign = r"\cdot" if operator == "*" else operator
            return f"{_latex_enclosed(left, binding)} {sign} {_latex_enclosed(right, binding + 1)}"
        case Call(function, arguments):
            return _latex_call(function, arguments)
        case Comparison(operators, operands):
            signs = {"<=": r"\leq", ">=": r"\geq"}
            parts = [to_latex(operands[0])]
            for operator, operand in zip(operators, operands[1:], strict=True):
                parts += [signs.get(operator, operator), to_latex(operand)]
            return " ".join(parts)


def _latex_enclosed(node: Node, minimum: int) -> str:
    latex = to_latex(node)
    is_scientific = minimum == _ATOM and isinstance(node, Number) and "cdot" in latex
    return latex if _binding(node) >= minimum and not is_scientific else rf"\left({latex}\right)"


def _latex_name(name: str) -> str:
    if name == "log_prob":
        return r"\log p"
    stem, _, index = name.partition("_")
    if not stem:
        return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
    letter = rf"\{stem}" if stem in _GREEK else stem if len(stem) == 1 else rf"\mathrm{{{stem}}}"
    return letter if not index else rf"{letter}_{{\mathrm{{{index.replace('_', chr(92) + '_')}}}}}"


def _latex_call(function: str, arguments: tuple[Node, ...]) -> str:
    inside = ", ".join(map(to_latex, arguments))
    if function == "sqrt":
        return rf"\sqrt{{{inside}}}"
    if function == "abs":
        return rf"\left|{inside}\right|"
    if function == "erfinv":
        return rf"\operatorname{{erf}}^{{-1}}\left({inside}\right)"
    symbol = _LATEX_FUNCTIONS.get(function, rf"\operatorname{{{function}}}")
    return rf"{symbol}\left({inside}\right)"
