"""The Open Inference Protocol, which KServe and Triton use."""
