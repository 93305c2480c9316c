"""The command line: `bertlab lab`, `info`, `pretrain`, `finetune`, `evaluate`.

Read `entry` first; each command imports what it needs when it runs.
"""
