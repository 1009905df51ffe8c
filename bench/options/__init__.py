"""The options of every command, a file each.

They are apart from what the commands do, so that `--help` waits for none of it: nothing here loads
pandas, matplotlib or torch.
"""
