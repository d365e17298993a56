//! Which objects changed since the signed revision, which are reachable, and which lead to a changed one.

use std::collections::{HashMap, HashSet};

use crate::formats::pdf::xref::Entry;
use crate::formats::pdf::{Object, Pdf, PdfError};

/// The part of the newest object graph a comparison has to look at.
pub(super) struct Reach {
    /// Objects whose entry differs between the two states, or was added or freed.
    changed: HashSet<u32>,
    /// Objects reachable from the newest trailer.
    visited: HashSet<u32>,
    /// Objects from which a changed one can be reached.
    leading: HashSet<u32>,
}

impl Reach {
    /// # Errors
    /// [`PdfError::TooLarge`] when the graph exceeds the file's limits.
    pub fn compute(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Self, PdfError> {
        let changed = changed(old, new);
        if changed.is_empty() {
            return Ok(Self { changed, visited: HashSet::new(), leading: HashSet::new() });
        }
        let mut parents: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut visited = HashSet::new();
        let mut stack = Object::Dict(new.trailer().clone()).references();
        visited.extend(stack.iter().map(|id| id.number));
        while let Some(id) = stack.pop() {
            let children = match new.get(id) {
                Ok(object) => object.references(),
                Err(error @ PdfError::TooLarge(_)) => return Err(error),
                // Unreadable: a leaf; the walk reports it when its place matters.
                Err(_) => Vec::new(),
            };
            for child in children {
                parents.entry(child.number).or_default().push(id.number);
                if visited.insert(child.number) {
                    stack.push(child);
                }
            }
        }
        let leading = upwards(&changed, &parents);
        Ok(Self { changed, visited, leading })
    }

    pub fn nothing_changed(&self) -> bool {
        self.changed.is_empty()
    }

    /// True when the object and everything below it is as it was signed.
    pub fn is_clean(&self, number: u32) -> bool {
        self.visited.contains(&number) && !self.leading.contains(&number)
    }

    /// Objects added or changed that nothing refers to.
    pub fn orphans(&self) -> HashSet<u32> {
        self.changed.difference(&self.visited).copied().collect()
    }

    /// Removes from `orphans` what earlier versions of objects in use referred to, directly or through each other.
    pub fn explain_orphans(&self, earlier: &HashMap<u32, HashSet<u32>>, orphans: &mut HashSet<u32>) {
        let mut work: Vec<u32> = earlier.keys().copied().filter(|number| self.visited.contains(number)).collect();
        while let Some(number) = work.pop() {
            let targets = earlier.get(&number).into_iter().flatten();
            work.extend(targets.filter(|target| orphans.remove(target)));
        }
    }
}

fn changed(old: &Pdf<'_>, new: &Pdf<'_>) -> HashSet<u32> {
    let before: HashMap<u32, Entry> = old.entries().iter().copied().collect();
    let differs = |number: u32, entry: Entry| before.get(&number).copied().unwrap_or(Entry::Free) != entry;
    let mut changed: HashSet<u32> =
        new.entries().iter().filter(|(number, entry)| differs(*number, *entry)).map(|(number, _)| *number).collect();
    let after: HashSet<u32> = new.entries().iter().map(|(number, _)| *number).collect();
    changed.extend(old.entries().iter().filter(|(n, e)| *e != Entry::Free && !after.contains(n)).map(|(n, _)| *n));
    let in_changed_stream: Vec<u32> = new
        .entries()
        .iter()
        .filter(|(_, entry)| matches!(entry, Entry::InStream { stream, .. } if changed.contains(stream)))
        .map(|(number, _)| *number)
        .collect();
    changed.extend(in_changed_stream);
    changed
}

/// Changed objects and all their ancestors.
fn upwards(changed: &HashSet<u32>, parents: &HashMap<u32, Vec<u32>>) -> HashSet<u32> {
    let mut leading = changed.clone();
    let mut stack: Vec<u32> = changed.iter().copied().collect();
    while let Some(number) = stack.pop() {
        for parent in parents.get(&number).map(Vec::as_slice).unwrap_or_default() {
            if leading.insert(*parent) {
                stack.push(*parent);
            }
        }
    }
    leading
}
