"""ONNX: one lowering for this machine's processor, GPUs and TPUs."""
