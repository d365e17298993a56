//! Which objects changed since the signed revision, which are reachable, and which lead to a changed one.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::formats::pdf::xref::Entry;
use crate::formats::pdf::{Object, ObjectId, Pdf, PdfError};

/// The part of the newest object graph a comparison has to look at.
pub(super) struct Reach {
    /// Objects whose entry differs between the two states, or was added or freed.
    changed: HashSet<u32>,
    /// Objects reachable from the newest trailer.
    visited: HashSet<u32>,
    /// Objects from which a changed one can be reached.
    leading: HashSet<u32>,
    /// Changed objects that references in use name with another generation.
    misnamed: BTreeSet<u32>,
}

impl Reach {
    /// # Errors
    /// [`PdfError::TooLarge`] when the graph exceeds the file's limits.
    pub fn compute(old: &Pdf<'_>, new: &Pdf<'_>) -> Result<Self, PdfError> {
        let changed = changed(old, new);
        if changed.is_empty() {
            let (visited, leading) = (HashSet::new(), HashSet::new());
            return Ok(Self { changed, visited, leading, misnamed: BTreeSet::new() });
        }
        let mut parents: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut visited = HashSet::new();
        let mut misnamed = BTreeSet::new();
        let mut note = |id: &ObjectId| {
            if changed.contains(&id.number) && new.entry(id.number).is_some_and(|e| generation(e) != id.generation) {
                misnamed.insert(id.number);
            }
        };
        let mut stack = Object::Dict(new.trailer().clone()).references();
        stack.iter().for_each(&mut note);
        visited.extend(stack.iter().map(|id| id.number));
        while let Some(id) = stack.pop() {
            let children = match new.get(id) {
                Ok(object) => object.references(),
                Err(error @ PdfError::TooLarge(_)) => return Err(error),
                // Unreadable: a leaf; the walk reports it when its place matters.
                Err(_) => Vec::new(),
            };
            children.iter().for_each(&mut note);
            for child in children {
                parents.entry(child.number).or_default().push(id.number);
                if visited.insert(child.number) {
                    stack.push(child);
                }
            }
        }
        let leading = upwards(&changed, &parents);
        Ok(Self { changed, visited, leading, misnamed })
    }

    pub fn nothing_changed(&self) -> bool {
        self.changed.is_empty()
    }

    /// True when the object and everything below it is as it was signed.
    pub fn is_clean(&self, number: u32) -> bool {
        self.visited.contains(&number) && !self.leading.contains(&number)
    }

    /// Changed objects that readers which compare generations do not find any more (ISO 32000-1 §7.3.10).
    pub fn misnamed(&self) -> impl Iterator<Item = u32> {
        self.misnamed.iter().copied()
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
    let streams: HashSet<u32> = new.entries().iter().filter_map(|(_, entry)| container(*entry)).collect();
    let rewritten: HashSet<u32> = streams.into_iter().filter(|stream| depends_on(new, *stream, &changed)).collect();
    let contained = new.entries().iter().filter(|(_, e)| container(*e).is_some_and(|s| rewritten.contains(&s)));
    changed.extend(contained.map(|(number, _)| *number));
    changed
}

fn container(entry: Entry) -> Option<u32> {
    match entry {
        Entry::InStream { stream, .. } => Some(stream),
        Entry::InFile { .. } | Entry::Free => None,
    }
}

fn generation(entry: Entry) -> u16 {
    match entry {
        Entry::InFile { generation, .. } => generation,
        Entry::InStream { .. } | Entry::Free => 0,
    }
}

/// Whether an object stream, or anything its dictionary refers to (/Length, /First, /Filter), changed.
fn depends_on(new: &Pdf<'_>, stream: u32, changed: &HashSet<u32>) -> bool {
    let (mut seen, mut stack) = (HashSet::from([stream]), vec![stream]);
    while let Some(number) = stack.pop() {
        if changed.contains(&number) {
            return true;
        }
        let references = new.get(ObjectId::new(number, 0)).map(|object| object.references()).unwrap_or_default();
        stack.extend(references.into_iter().map(|id| id.number).filter(|number| seen.insert(*number)));
    }
    false
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
