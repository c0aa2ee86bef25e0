//! Tasks: what people do, out of long-lived flows (ChatDissect, V and VI).
