// How the ways to run a network are called.
export const TITLES = { torch: "PyTorch", mindspore: "MindSpore", openvino: "OpenVINO", onnxruntime: "ONNX Runtime", both: "Both" };
