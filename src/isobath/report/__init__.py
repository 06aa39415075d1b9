"""Reports: one offline page, paper figures, tables and the summary on the terminal. Never imports torch."""
