"""Speed and accuracy, measured beside other programs. Nothing here yet."""
