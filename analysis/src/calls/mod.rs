//! Calls: one story out of many flows (WhatsApp Exposed; UVP, II).
