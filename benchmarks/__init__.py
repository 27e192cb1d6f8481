"""Benchmarks of speed and accuracy beside other programs.

    suites        which tasks, which peers, for each profile (smoke, quick, full)
    programs      benchmarks that choose their own tasks
    tasks         samples of each kind and family, and their MI where it is known
    peers         every program behind one call
    measure       one task with one peer, in a process of its own -> one row
    rows          what a row is; files of rows
    calibration   error bars and verdicts against known truths
    known         every program on the tasks of known MI that the field uses (known_tasks, known_peers, known_report)
    wide_layers   the tables of docs/wide-layers.md
    gpu           the CUDA backend beside GPU code written by hand, in one run
    kernels       registers and spills of its kernels, without a GPU
    report        tables and pictures from rows

`mi bench NAME` runs any of them. They belong to the repository, not to the wheel.
"""
