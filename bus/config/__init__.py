"""What people write, read once and judged.

`stack_file` and `bricks` declare every key of Pulumi.<stack>.yaml and values/<brick>.yml. `settings`
loads a stack file, `yaml_files` a brick's file, both through `parsing`, so that all errors of all
files are told at once, in the words of `messages`. `fragments` gathers topics and indices over all
bricks. Nothing in this folder asks a server.
"""
