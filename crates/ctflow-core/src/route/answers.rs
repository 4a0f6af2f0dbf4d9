//! Answers that are kept: two generations, so that those in use stay when there are too many.

use super::question::{Question, Route};
use std::collections::HashMap;

/// Answers of a generation at most.
const MOST: usize = 32_768;

/// Answers by question.
#[derive(Default)]
pub(super) struct Answers {
    young: HashMap<Question, Route>,
    old: HashMap<Question, Route>,
}

impl Answers {
    /// An answer of the old generation that is used goes to the young one.
    pub(super) fn get(&mut self, question: &Question) -> Option<Route> {
        if let Some(route) = self.young.get(question) {
            return Some(*route);
        }
        let route = self.old.remove(question)?;
        self.put(*question, route);
        Some(route)
    }

    pub(super) fn put(&mut self, question: Question, route: Route) {
        if self.young.len() >= MOST {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(question, route);
    }

    /// Forgets all. @returns whether there was any
    pub(super) fn clear(&mut self) -> bool {
        let any = !self.young.is_empty() || !self.old.is_empty();
        self.young.clear();
        self.old.clear();
        any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(number: usize) -> Question {
        let mut question = Question::default();
        question.destination[..8].copy_from_slice(&number.to_ne_bytes());
        question
    }

    #[test]
    fn what_is_used_stays_when_there_are_too_many() {
        let mut answers = Answers::default();
        for number in 0..MOST * 4 {
            answers.put(question(number), Route::Out(1));
            assert_eq!(answers.get(&question(0)), Some(Route::Out(1)));
        }
        assert!(answers.young.len() + answers.old.len() <= 2 * MOST);
        assert_eq!(answers.get(&question(1)), None);
        assert!(answers.clear());
        assert!(!answers.clear());
        assert_eq!(answers.get(&question(0)), None);
    }
}
