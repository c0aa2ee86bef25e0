//! Bytes to header views, one small file a protocol.
