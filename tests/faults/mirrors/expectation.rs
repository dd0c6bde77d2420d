//! What must be asked of whom: one after the other in the order of the configuration, those that failed before after the others, until one
//! has it.

use super::configurations::Configuration;
use super::house::Manner::{self, *};
use super::operations::Operation;

/// One request, or several that ask for one thing.
#[derive(Clone, Copy, PartialEq)]
enum Step {
    /// A manifest by its tag, or by its digest.
    Tag,
    Manifest,
    Head,
    /// Of an image, whose manifest says how large they are.
    Config,
    Layer,
    /// A blob by itself.
    Blob,
    /// Bytes that are handed on as they come.
    Handed,
    Range,
    BlobHead,
    Tags,
    Referrers,
}

/// What a fault does to a step.
#[derive(PartialEq)]
enum Effect {
    /// Nothing: it cannot be known.
    None,
    /// The next one is asked, and this one later again.
    Lacks,
    /// The next one is asked, for a while if there is one.
    Refuses,
    /// The next one is asked, for a while.
    Fails,
    /// The same, and what it has sent is kept: the next one is asked for the rest.
    Breaks,
    /// The next one is asked, for a while; without one it is asked in another way, and has it.
    FailsUnlessLast,
    /// The same, behind those that only fail.
    Lies,
    /// It is found out too late.
    TooLate,
}

/// The hosts of a client's calls.
pub struct Expectation<'a> {
    configuration: &'a Configuration,
    faulty: &'a [&'static str],
    fault: Manner,
    failed: Vec<&'static str>,
    lied: Vec<&'static str>,
}

/// What is expected of a call.
#[derive(Debug, Default, PartialEq)]
pub struct Expected {
    /// The hosts that are asked, in order.
    pub asked: Vec<&'static str>,
    /// By whom it is served, in order; None: it fails.
    pub served_by: Option<Vec<&'static str>>,
}

impl<'a> Expectation<'a> {
    pub fn new(configuration: &'a Configuration, faulty: &'a [&'static str], fault: Manner) -> Expectation<'a> {
        Expectation { configuration, faulty, fault, failed: Vec::new(), lied: Vec::new() }
    }

    /// Of the next call.
    pub fn of(&mut self, operation: Operation) -> Expected {
        if operation == Operation::Push {
            let writer = self.configuration.writer;
            let succeeds = writer.is_some_and(|name| !self.faulty.contains(&name) || !hinders_a_write(self.fault));
            return Expected { asked: writer.into_iter().collect(), served_by: succeeds.then(Vec::new) };
        }
        let (mut asked, mut served_by) = (Vec::new(), Some(Vec::new()));
        for step in steps(operation) {
            let senders = self.step(*step, &mut asked);
            // What is one answer is served by the host that completes it.
            let senders =
                senders.map(|mut all| if steps(operation).len() == 1 { all.split_off(all.len() - 1) } else { all });
            served_by = served_by.zip(senders).map(|(mut all, senders): (Vec<_>, Vec<_>)| {
                senders.into_iter().for_each(|sender| {
                    if !all.contains(&sender) {
                        all.push(sender)
                    }
                });
                all
            });
            if served_by.is_none() {
                break;
            }
        }
        asked.dedup();
        Expected { asked, served_by }
    }

    /// The hosts that answer, last the one that completes it; None: no host.
    fn step(&mut self, step: Step, asked: &mut Vec<&'static str>) -> Option<Vec<&'static str>> {
        let (order, mut senders) = (self.order(step), Vec::new());
        for name in order.iter().copied() {
            let is_last = order.last() == Some(&name);
            asked.push(name);
            let effect = if self.faulty.contains(&name) { effect(self.fault, step) } else { Effect::None };
            match effect {
                Effect::FailsUnlessLast if !is_last => self.failed.push(name),
                Effect::None | Effect::FailsUnlessLast => {
                    self.failed.retain(|failed| *failed != name);
                    senders.push(name);
                    return Some(senders);
                }
                Effect::TooLate => {
                    self.lied.push(name);
                    return None;
                }
                Effect::Lacks => {}
                Effect::Refuses if is_last => {}
                Effect::Breaks => {
                    self.failed.push(name);
                    // The others do not even go on.
                    senders = vec![senders.first().copied().unwrap_or(name)];
                }
                Effect::Refuses | Effect::Fails => self.failed.push(name),
                Effect::Lies => {
                    self.lied.push(name);
                    // Of a blob that may be large no second wrong copy is fetched from those that have sent wrong bytes before.
                    if step == Step::Blob && order.iter().all(|name| self.lied.contains(name)) {
                        return None;
                    }
                }
            }
        }
        None
    }

    fn order(&self, step: Step) -> Vec<&'static str> {
        let all = match step {
            Step::Tag | Step::Head | Step::Tags => self.configuration.by_tag,
            // What cannot be checked is asked of those that may be asked for both.
            Step::Referrers => self.configuration.by_tag,
            _ => self.configuration.by_digest,
        };
        let mut all = all.to_vec();
        all.sort_by_key(|name| (self.lied.contains(name), self.failed.contains(name)));
        all
    }
}

fn steps(operation: Operation) -> &'static [Step] {
    match operation {
        Operation::ByTag => &[Step::Tag],
        Operation::ByDigest => &[Step::Manifest],
        Operation::Head => &[Step::Head],
        Operation::Memory | Operation::File => &[Step::Blob],
        Operation::Reader => &[Step::Handed],
        Operation::Range => &[Step::Range],
        Operation::BlobHead => &[Step::BlobHead],
        Operation::Tags => &[Step::Tags],
        Operation::Referrers => &[Step::Referrers],
        Operation::Copy => &[Step::Tag, Step::Config, Step::Layer],
        Operation::Artifact => &[Step::Tag, Step::Layer],
        Operation::Push => &[],
    }
}

fn effect(fault: Manner, step: Step) -> Effect {
    match (fault, step) {
        (Healthy | Asks, _) => Effect::None,
        (Status(404 | 400), _) => Effect::Lacks,
        (Status(401 | 403), _) => Effect::Refuses,
        // A page that is not a list has no referrers.
        (WebPage, Step::Referrers) => Effect::Lacks,
        // Nothing says what the size or the digest would have to be.
        (WebPage, Step::BlobHead) => Effect::None,
        // Nor can bytes be taken back that were handed on.
        (WebPage | Lies, Step::Handed) => Effect::TooLate,
        (WebPage, Step::Blob) => Effect::Lies,
        // Of another size than is wanted: it may be the wish that is wrong.
        (WebPage, Step::Config | Step::Layer | Step::Range) => Effect::Lacks,
        (Lies, Step::Tag | Step::Manifest | Step::Config | Step::Layer | Step::Blob) => Effect::Lies,
        (Lies, _) => Effect::None,
        (LiesInHeader, Step::Tag) => Effect::Lies,
        (LiesInHeader, _) => Effect::None,
        (BreaksAt(_), Step::Layer | Step::Blob | Step::Handed) => Effect::Breaks,
        (BreaksAt(_), Step::Range) => Effect::FailsUnlessLast,
        (BreaksAt(_), _) => Effect::None,
        _ => Effect::Fails,
    }
}

fn hinders_a_write(fault: Manner) -> bool {
    !matches!(fault, Lies | LiesInHeader | BreaksAt(_) | Healthy)
}
