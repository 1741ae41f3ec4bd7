"""The screen: Textual only, no NumPy. Workers iterate generators and post messages; handlers own all state."""
