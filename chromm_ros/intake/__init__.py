"""One way in: stamped, undecoded images of all cameras become image sets, whether they come from topics or files."""
