//! What a population does: ChatDissect's Table IV as shares of users and volumes a user, Table V as sizes.

/// How a task travels.
#[derive(Clone, Copy, Debug)]
pub enum Via {
    /// A request on the long link, or of some users by POST: command, request type, CGI.
    Request(u32, u32, &'static str),
    /// Always a POST: request type, CGI.
    Post(u32, &'static str),
    /// The server's own message on the long link: command.
    Push(u32),
    /// A resource: host, folder.
    Get(&'static str, &'static str),
    /// A page of somebody else in the app's browser.
    Page,
    /// A look-up.
    LookUp,
    /// A call; with a talk room instead where true.
    Call(bool),
}

/// One task.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The service.
    pub service: &'static str,
    /// The task.
    pub task: &'static str,
    /// Share of the app's users who do it, in 1/10,000.
    pub share: usize,
    /// How often each does it in three hours, on the average.
    pub times: f64,
    /// Mean bytes of a request and of a response, as far as they can be chosen.
    pub sizes: (usize, usize),
    /// How it travels.
    pub via: Via,
}

const IM: &str = "Instant Messaging";
const SNS: &str = "Social Networking";
const SYSTEM: &str = "System";

const fn row(
    service: &'static str,
    task: &'static str,
    share: usize,
    times: f64,
    sizes: (usize, usize),
    via: Via,
) -> Profile {
    Profile { service, task, share, times, sizes, via }
}

/// Every row of Table IV that users cause; heartbeats come with the long link.
pub const TABLE_IV: [Profile; 32] = [
    row(IM, "Send texts", 1012, 5.0, (340, 221), Via::Request(2, 104, "sendmsg")),
    row(IM, "Receive texts", 1224, 8.5, (196, 358), Via::Request(121, 138, "newsync")),
    row(IM, "Send pictures", 127, 2.7, (4_935, 209), Via::Request(9, 110, "uploadmsgimg")),
    row(IM, "Receive pictures", 167, 1.4, (256, 38_645), Via::Request(10, 109, "getmsgimg")),
    row(IM, "Send voices", 325, 7.9, (2_191, 183), Via::Request(19, 127, "uploadvoice")),
    row(IM, "Receive voices", 469, 1.8, (276, 27_143), Via::Request(20, 128, "downloadvoice")),
    row(IM, "Send videos", 4, 3.5, (16_405, 196), Via::Request(39, 149, "uploadvideo")),
    row(IM, "Receive videos", 4, 8.0, (231, 53_189), Via::Request(40, 150, "downloadvideo")),
    row(IM, "Send emoji", 78, 1.5, (406, 183), Via::Request(68, 175, "sendemoji")),
    row(IM, "Receive emoji", 117, 1.5, (331, 523), Via::Post(697, "mmbatchemojidownload")),
    row("Real-time Chatting", "VoIP content", 2, 1.0, (200, 200), Via::Call(false)),
    row("Real-time Chatting", "Walkie-talkie content", 1, 1.0, (95, 96), Via::Call(true)),
    row(SNS, "Get header images", 931, 6.0, (400, 4_817), Via::Get("wx.qlogo.cn", "/mmhead/")),
    row(SNS, "Get photos", 1645, 14.0, (510, 22_300), Via::Get("mmsns.qpic.cn", "/mmsns/")),
    row(SNS, "Get photos", 20, 2.0, (300, 9_000), Via::Request(96, 208, "mmsnsdownload")),
    row(SNS, "Post a text", 119, 2.0, (570, 547), Via::Request(97, 209, "mmsnspost")),
    row(SNS, "Post a photo", 85, 3.0, (32_200, 724), Via::Request(95, 207, "mmsnsupload")),
    row(SNS, "Refresh moment", 3388, 2.0, (417, 2_335), Via::Request(98, 211, "mmsnstimeline")),
    row(SNS, "View a user", 460, 2.0, (524, 3_525), Via::Request(99, 212, "mmsnsuserpage")),
    row(SNS, "View a post", 216, 1.0, (452, 2_332), Via::Request(101, 210, "mmsnsobjectdetail")),
    row(SNS, "Comment a post", 347, 2.0, (395, 1_042), Via::Request(100, 213, "mmsnscomment")),
    row(SNS, "Tag a post", 21, 1.0, (356, 204), Via::Request(114, 290, "mmsnstagoption")),
    row(SNS, "Other operations", 8, 4.0, (924, 2_174), Via::Request(104, 218, "mmsnsobjectop")),
    row("Media Access", "Media access", 1058, 10.0, (581, 26_940), Via::Page),
    row(SYSTEM, "Report to servers", 4348, 4.0, (585, 103), Via::Post(716, "rtkvreport")),
    row(SYSTEM, "Query servers", 4697, 3.0, (431, 1_663), Via::Post(639, "getcontactlabellist")),
    row(SYSTEM, "Connect to servers", 7466, 1.5, (408, 579), Via::Post(623, "androidgcmreg")),
    row(SYSTEM, "DNS", 9441, 10.0, (36, 77), Via::LookUp),
    row(SYSTEM, "Server push news", 3556, 5.0, (0, 532), Via::Push(24)),
    row(IM, "Receive texts", 300, 3.0, (0, 300), Via::Push(122)),
    row(IM, "Typing indicator", 100, 3.0, (40, 0), Via::Request(8, 0, "")),
    row("Other", "friend finding", 100, 2.0, (400, 1_800), Via::Request(17, 148, "lbsfind")),
];

/// Share of users with a long link (W-TCP heartbeats), in 1/10,000; the others send requests by POST.
pub const LONG_LINK: usize = 7864;
