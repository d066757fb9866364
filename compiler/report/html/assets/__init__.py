"""Style sheets and scripts of the page, a file for each thing they draw; the page holds them all."""
