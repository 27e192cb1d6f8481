"""Speed and accuracy, measured beside other programs.

    suites    which tasks, which peers, for each profile (smoke, quick, full)
    tasks     samples of each kind, some with known mutual information
    peers     every program behind one call
    measure   one task with one peer, in a process of its own -> one row
    rows      what a row is; files of rows
    gpu       the CUDA backend beside what a GPU user writes by hand, in one run
    kernels   registers and spills of its kernels, without a GPU
    report    tables and pictures from rows

`mi bench speed|accuracy|scaling` runs a suite. The suite belongs to the repository, not to the wheel.
"""
