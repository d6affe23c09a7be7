"""What the lecture claims of recurrent networks, measured and plotted; `verso-train experiment NAME`."""
