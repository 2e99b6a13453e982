"""What is inside the runtime: it runs in CPython compiled to WebAssembly, and nowhere else."""
