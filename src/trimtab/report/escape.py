"""
Makes hostile text harmless: nothing that a workflow file says can steer a terminal, a runner or a page

Workflow text ends up in terminals (where an escape sequence can retitle, recolour or forge a prompt), in the logs of GitHub
Actions (where a line that begins with `::` is an order to the runner, and `##[` one anywhere in a line), in step summaries
and comments (Markdown: links, images, mentions) and in an HTML page. Each function neutralises for one of these places;
what was neutralised stays visible, as `\x1b` or `\u202e`.

The two command forms are those of actions/runner, `ActionCommand.TryParseV2` (trimmed line starts with `::`) and
`TryParse` (`##[` at any index).
"""

from __future__ import annotations

import re
import shlex

# Cc and Cf that hide or reorder text: C0, DEL, C1, soft hyphen, Arabic letter mark, zero widths, bidi controls, line and
# paragraph separators, byte order mark, interlinear annotations, tag characters, and lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&:=\"'^])")
_LINE_COMMAND = re.compile(r"(?m)^(\s*)::")


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code == 0x09:
        return " "
    short = {0x0A: r"\n", 0x0D: r"\r"}.get(code)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def plain(text: str) -> str:
    r"""One line of text without control characters, bidi overrides or invisible characters; a newline becomes `\n`."""
    return _UNSAFE.sub(_visible, text)


def cut(text: str, width: int) -> str:
    """`plain(text)`, at most `width` characters; what is missing is marked by `...`."""
    text = plain(text)
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def block(text: str) -> str:
    """Several lines made plain one by one; the line breaks between them stay."""
    return "\n".join(plain(line) for line in text.replace("\r\n", "\n").split("\n"))


def no_commands(text: str) -> str:
    r"""Break what a GitHub runner would obey: `::` at the start of a line and `##[` anywhere. Otherwise unchanged."""
    return _LINE_COMMAND.sub(r"\1\\::", text).replace("##[", "##\\[")


def command_data(text: str) -> str:
    """The message of a `::warning ...::message`, escaped as actions/toolkit does."""
    return block(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace("##[", "## [")


def command_property(text: str) -> str:
    """A property such as `file=` of a workflow command, escaped as actions/toolkit does."""
    return command_data(plain(text)).replace(":", "%3A").replace(",", "%2C")


def markdown(text: str) -> str:
    """
    Text that shows as itself in Markdown, also inside a table cell: no link, image, markup, autolink, reference or mention

    Mentions and `#123` are found by GitHub after rendering, so a backslash does not stop them: a zero-width space does.
    """
    text = _MARKDOWN.sub(r"\\\1", plain(text))
    text = re.sub(r"@(?=\w)", "@\u200b", text)
    text = re.sub(r"#(?=\d)", "#\u200b", text)
    text = re.sub(r"(?i)\b(gh)(?=\\-\d)", "\\1\u200b", text)
    return re.sub(r"(?i)\b(www)(?=\\\.)", "\\1\u200b", text)


def markdown_code(text: str, *, cell: bool = False) -> str:
    """An inline code span; its fence is longer than any run of backticks inside. `cell`: safe inside a table."""
    text = plain(text) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    if text.startswith("`") or text.endswith("`"):
        text = f" {text} "
    return fence + (text.replace("|", "\\|") if cell else text) + fence


def markdown_block(text: str, language: str = "") -> str:
    """A fenced block; the fence is longer than any run of backticks inside."""
    text = block(text)
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def json_text(text: str) -> str:
    r"""Finished JSON made safe to print in a log: `##[` can only stand inside a string, where `\u0023` means the same."""
    return text.replace("##[", "#\\u0023[")


def shell(word: str) -> str:
    """One word of a command that the reader may paste into a shell."""
    return shlex.quote(plain(word))
