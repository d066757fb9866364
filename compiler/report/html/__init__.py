"""Results as one HTML page that needs nothing else: no network, no server, no other file.

The plots are SVG that a small script of plain JavaScript draws from data inside the page, and the tables are HTML that
is there without it. A plotting library was weighed: plotly's own script is 4.7 MB in every page, its points cannot be
reached with the keyboard or read by a screen reader, and what it draws does not follow the paper when printed.
"""

from nmc.report.html.page import write_report

__all__ = ["write_report"]
