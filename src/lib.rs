//! The registry of Vietnam's national digital platforms (nền tảng số quốc gia, nền tảng số
//! dùng chung) and their implementation plans (kế hoạch triển khai), over gRPC.

pub mod domain;
pub mod store;
