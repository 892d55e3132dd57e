"""
Renderers: the same values as text, JSON, Markdown, GitHub annotations, SARIF or one HTML page

One file a format, values in and text out. Everything that came from a workflow file, a log or an API is hostile: it passes
`escape` before it stands in any output. No renderer reads a clock, a file or the network.
"""
