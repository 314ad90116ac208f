"""A small host of our own, for a machine without Forge: the demo, the command line and the tests.

It runs the same hooks as Forge does, through the same calls and in the same order, for SD 1.5 checkpoints of any width,
on the CPU, in fp32. It is a stand, not a second Forge: Euler only, no LoRA, no ControlNet, no prompt syntax.
"""
