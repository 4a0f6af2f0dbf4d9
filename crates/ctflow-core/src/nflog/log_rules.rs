//! The rules of nftables that log to NFLOG groups, with their comments: NFT_MSG_GETGEN, NFT_MSG_GETRULE.

use super::MOST_PREFIXES;
use crate::error::Error;
use crate::netlink::{Attribute, Attributes, HOST_LITTLE, Message, NFGENMSG, NLMSG_ERROR, NetlinkSocket};
use crate::sys::Namespace;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

const WHAT: &str = "Cannot read the rules of nftables";

/// linux/netfilter/nf_tables.h, with NFNL_SUBSYS_NFTABLES above.
const NEW_RULE: u16 = (10 << 8) | 6;
const GET_RULE: u16 = (10 << 8) | 7;
const GET_GENERATION: u16 = (10 << 8) | 16;
const GENERATION: u16 = 1;
mod rule {
    pub const EXPRESSIONS: u16 = 4;
    pub const USERDATA: u16 = 7;
}
mod expression {
    pub const NAME: u16 = 1;
    pub const DATA: u16 = 2;
}
mod log {
    pub const GROUP: u16 = 1;
    pub const PREFIX: u16 = 2;
}
/// NFTNL_UDATA_RULE_COMMENT of libnftnl's udata.h: what nft keeps in the userdata of a rule.
const COMMENT: u8 = 0;

/// What the rules that log to one group with one prefix have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRule {
    /// Number of the NFLOG group.
    pub group: u16,
    /// As the packets have it; bytes that are no UTF-8 are replaced.
    pub prefix: String,
    /// Empty where they have none, or different ones.
    pub comment: String,
    /// Their comments are not the same.
    pub shared: bool,
    /// Each of them rejects what it logs.
    pub rejects: bool,
}

/// Those of some groups, each group and prefix once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRules {
    /// [`MOST_PREFIXES`] at most.
    pub rules: Vec<LogRule>,
    /// Rules without room.
    pub left_out: u32,
}

/// Reads the rules of a namespace again and again.
#[derive(Debug)]
pub struct LogRuleReader {
    netlink: NetlinkSocket,
    /// Of the ruleset that was read last; none within it where the kernel has no nftables.
    read: Option<Option<u32>>,
}

impl LogRuleReader {
    /// In this namespace.
    pub fn open(namespace: &Namespace) -> Result<Self, Error> {
        Ok(Self {
            netlink: namespace.run(|| NetlinkSocket::open(WHAT))?,
            read: None,
        })
    }

    /// The rules that log to these groups; none where no rule has changed since the last call.
    ///
    /// Errors: `Permission` without CAP_NET_ADMIN over the namespace, `Netlink` where the kernel answers with another error, and
    /// where rules change all the time.
    pub fn changed(&mut self, groups: &[u16]) -> Result<Option<LogRules>, Error> {
        let generation = self.generation()?;
        if self.read == Some(generation) {
            return Ok(None);
        }
        let take = |found: &mut Found, message: &Message| {
            if message.kind == NEW_RULE {
                found.take(message, groups);
            }
        };
        let found = match generation {
            None => Found::default(),
            Some(_) => self.netlink.list(GET_RULE, &[0; NFGENMSG], |_| {}, take)?,
        };
        // a change in between is another one
        self.read = Some(generation);
        Ok(Some(found.finish()))
    }

    /// The number of the ruleset, another one after each change; none where the kernel has no nftables.
    fn generation(&mut self) -> Result<Option<u32>, Error> {
        self.netlink.request(GET_GENERATION, 0, &[0; NFGENMSG], |_| {})?;
        self.netlink.answer(&mut [0; 1024], |message| {
            if message.kind != NLMSG_ERROR {
                let number = attributes(message).find(|attribute| attribute.kind == GENERATION);
                return Some(Ok(number.and_then(|attribute| attribute.be32().ok())));
            }
            Some(match message.errno::<HOST_LITTLE>().unwrap_or(0) {
                // nfnetlink_rcv_msg: the subsystem is not there
                errno if errno == libc::EINVAL as u32 => Ok(None),
                errno => Err(Error::answer(WHAT, errno)),
            })
        })?
    }
}

/// Rules by group and prefix.
#[derive(Default)]
struct Found {
    rules: BTreeMap<(u16, String), LogRule>,
    left_out: u32,
}

impl Found {
    /// The expressions of a rule that log to one of these groups. What is malformed is left out.
    fn take(&mut self, message: &Message, groups: &[u16]) {
        let (mut comment, mut rejects, mut logs) = (String::new(), false, Vec::new());
        for attribute in attributes(message) {
            match attribute.kind {
                rule::USERDATA => comment = comment_of(attribute.payload),
                rule::EXPRESSIONS => {
                    for element in attribute.nested::<HOST_LITTLE>().flatten() {
                        match expression_of(&element) {
                            (b"log", data) => logs.extend(log_of(data)),
                            (b"reject", _) => rejects = true,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        for (group, prefix) in logs {
            if groups.contains(&group) {
                self.add(LogRule {
                    group,
                    prefix,
                    comment: comment.clone(),
                    shared: false,
                    rejects,
                });
            }
        }
    }

    fn add(&mut self, rule: LogRule) {
        let room = self.rules.len() < MOST_PREFIXES;
        match self.rules.entry((rule.group, rule.prefix.clone())) {
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.rejects &= rule.rejects;
                if known.shared || known.comment != rule.comment {
                    known.shared = true;
                    known.comment.clear();
                }
            }
            Entry::Vacant(entry) if room => {
                entry.insert(rule);
            }
            Entry::Vacant(_) => self.left_out += 1,
        }
    }

    fn finish(self) -> LogRules {
        LogRules {
            rules: self.rules.into_values().collect(),
            left_out: self.left_out,
        }
    }
}

fn attributes<'a>(message: &Message<'a>) -> impl Iterator<Item = Attribute<'a>> {
    Attributes::<HOST_LITTLE>(message.payload.get(NFGENMSG..).unwrap_or(&[])).flatten()
}

/// Name and data of an expression.
fn expression_of<'a>(element: &Attribute<'a>) -> (&'a [u8], &'a [u8]) {
    let (mut name, mut data): (&[u8], &[u8]) = (&[], &[]);
    for attribute in element.nested::<HOST_LITTLE>().flatten() {
        match attribute.kind {
            expression::NAME => name = until_nul(attribute.payload),
            expression::DATA => data = attribute.payload,
            _ => {}
        }
    }
    (name, data)
}

/// None for one that logs elsewhere.
fn log_of(data: &[u8]) -> Option<(u16, String)> {
    let (mut group, mut prefix) = (None, String::new());
    for attribute in Attributes::<HOST_LITTLE>(data).flatten() {
        match attribute.kind {
            log::GROUP => group = attribute.be16().ok(),
            log::PREFIX => prefix = text(attribute.payload),
            _ => {}
        }
    }
    Some((group?, prefix))
}

/// Of a rule's userdata: a type, a length and as many bytes, again and again. Of 255 bytes at most.
fn comment_of(mut userdata: &[u8]) -> String {
    while let &[kind, length, ref rest @ ..] = userdata {
        let Some((value, behind)) = rest.split_at_checked(length.into()) else {
            break;
        };
        if kind == COMMENT {
            return text(value);
        }
        userdata = behind;
    }
    String::new()
}

fn text(payload: &[u8]) -> String {
    String::from_utf8_lossy(until_nul(payload)).into_owned()
}

fn until_nul(payload: &[u8]) -> &[u8] {
    let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
    &payload[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::netlink::{Frame, Request, frame};

    /// A `log` expression, or another one where there is no group.
    fn expression(request: &mut Request, name: &[u8], group: Option<u16>, prefix: &[u8]) {
        request.nest(1, |element| {
            element.put(expression::NAME, name);
            element.nest(expression::DATA, |data| {
                if let Some(group) = group {
                    data.put(log::GROUP, &group.to_be_bytes());
                }
                if !prefix.is_empty() {
                    data.put(log::PREFIX, prefix);
                }
            });
        });
    }

    fn take(found: &mut Found, userdata: &[u8], fill: impl FnOnce(&mut Request)) {
        let mut request = Request::new(NEW_RULE, 0, 1, &[1, 0, 0, 0]);
        request.nest(rule::EXPRESSIONS, fill);
        request.put(rule::USERDATA, userdata);
        let bytes = request.finish();
        let Frame::Whole(message) = frame::<HOST_LITTLE>(&bytes) else {
            panic!("it is whole");
        };
        found.take(&message, &[5, 6]);
    }

    fn userdata(comment: &[u8]) -> Vec<u8> {
        // another type before it
        [&[1, 2, 7, 7, COMMENT, comment.len() as u8 + 1], comment, &[0]].concat()
    }

    fn rule_of(group: u16, prefix: &str, comment: &str) -> LogRule {
        LogRule {
            group,
            prefix: prefix.into(),
            comment: comment.into(),
            shared: false,
            rejects: false,
        }
    }

    #[test]
    fn a_rule_has_its_comment_where_it_logs_to_a_group_that_is_wanted() {
        let mut found = Found::default();
        take(&mut found, &userdata(b"no ssh"), |rule| {
            expression(rule, b"cmp\0", None, b"");
            expression(rule, b"log\0", Some(5), b"ssh\0");
            expression(rule, b"reject\0", None, b"");
        });
        take(&mut found, &userdata(b"syslog"), |rule| {
            expression(rule, b"log\0", None, b"ssh\0");
        });
        take(&mut found, &userdata(b"of others"), |rule| {
            expression(rule, b"log\0", Some(7), b"ssh\0");
        });
        take(&mut found, b"", |rule| expression(rule, b"log\0", Some(6), b""));
        let rejecting = LogRule {
            rejects: true,
            ..rule_of(5, "ssh", "no ssh")
        };
        assert_eq!(found.finish().rules, [rejecting, rule_of(6, "", "")]);
    }

    #[test]
    fn rules_with_different_comments_name_none() {
        let mut found = Found::default();
        for (prefix, comment) in [(b"a\0", b"one"), (b"b\0", b"one"), (b"a\0", b"two"), (b"b\0", b"one")] {
            take(&mut found, &userdata(comment), |rule| {
                expression(rule, b"log\0", Some(5), prefix);
            });
        }
        // as one without a comment does
        take(&mut found, &userdata(b"some"), |rule| {
            expression(rule, b"log\0", Some(6), b"a\0")
        });
        take(&mut found, b"", |rule| expression(rule, b"log\0", Some(6), b"a\0"));
        let shared = |group| LogRule {
            shared: true,
            ..rule_of(group, "a", "")
        };
        assert_eq!(found.finish().rules, [shared(5), rule_of(5, "b", "one"), shared(6)]);
    }

    #[test]
    fn prefixes_beyond_the_limit_are_counted() {
        let mut found = Found::default();
        for number in 0..MOST_PREFIXES + 3 {
            found.add(rule_of(5, &number.to_string(), ""));
        }
        found.add(rule_of(5, "0", "another"));
        let LogRules { rules, left_out } = found.finish();
        assert_eq!((rules.len(), left_out), (MOST_PREFIXES, 3));
        assert!(rules[0].shared);
    }

    #[test]
    fn a_comment_that_is_cut_is_none() {
        assert_eq!(comment_of(&[COMMENT, 9, b'a']), "");
        assert_eq!(comment_of(&[1]), "");
        assert_eq!(comment_of(&[3, 0, COMMENT, 2, b'o', b'k']), "ok");
        assert_eq!(comment_of(&[COMMENT, 2, 0xff, b'k']), "\u{fffd}k");
    }

    #[test]
    fn the_kernel_answers_and_says_when_nothing_has_changed() {
        let mut reader = LogRuleReader::open(&Namespace::open(None).unwrap()).unwrap();
        match reader.changed(&[5]) {
            Ok(_) => assert_eq!(reader.changed(&[5]).ok(), Some(None)),
            Err(error) => assert_eq!(error.code, Code::Permission),
        }
    }
}
