//! The registry of Vietnam's national digital platforms (nền tảng số quốc gia, nền tảng số
//! dùng chung) and their implementation plans (kế hoạch triển khai), over gRPC.

pub mod catalogue;
pub mod domain;
pub mod pb;
pub mod state;
pub mod wire;
