"""The commands of the command line, one file each; heavy libraries are imported inside them."""
