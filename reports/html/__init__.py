"""report.html, one file that fetches nothing: its parts, its style, and the page that holds them."""
