//! The signed and the newest object graph side by side, by path.

use std::collections::{HashMap, HashSet};

use super::ChangeLimits;
use super::place::{Place, TRAILER_KEYS};
use super::rules::Facts;
use crate::formats::pdf::{Dict, Name, Object, ObjectId, Pdf, Stream};

/// What happened to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Added,
    Removed,
    Changed,
    /// Members of a list that stayed are in another order.
    Reordered,
    /// A dictionary now has the key twice.
    Repeated,
    /// The value cannot be read.
    Unreadable,
}

/// One difference between the two states.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    /// Place of the dictionary or array the value stands in.
    pub container: Place,
    /// Place of the value itself.
    pub place: Place,
    /// The nearest dictionary key on the path.
    pub key: Option<Name>,
    /// The field or annotation the value belongs to.
    pub node: Option<ObjectId>,
    pub path: String,
    pub change: Change,
    pub old: Option<Object>,
    pub new: Option<Object>,
}

impl Difference {
    pub fn key_is(&self, key: &str) -> bool {
        self.key.as_ref().is_some_and(|name| name.is(key))
    }
}

pub(super) struct Differences {
    pub found: Vec<Difference>,
    /// True when a limit ended the comparison.
    pub incomplete: bool,
}

/// Finds all differences reachable from the trailers.
pub(super) fn differences(facts: &Facts<'_, '_>, limits: &ChangeLimits) -> Differences {
    let mut walk = Walk {
        facts,
        nodes: nodes(facts),
        work: Vec::new(),
        seen: HashSet::new(),
        paths: vec![(0, String::new())],
        found: Vec::new(),
        pairs_left: limits.pairs,
        values_left: limits.values,
        incomplete: false,
    };
    let (old, new) = (facts.old.trailer(), facts.new.trailer());
    for key in TRAILER_KEYS {
        let name = Name::from(key);
        let context = walk.context(Place::Trailer, Place::Trailer.step(&name, old), 0);
        let path = walk.path(0, key.into());
        walk.value(Context { key: Some(name), path, ..context }, old.get(key), new.get(key));
    }
    while let Some((context, old, new)) = walk.work.pop() {
        walk.pair(context, &old, &new);
    }
    Differences { found: walk.found, incomplete: walk.incomplete }
}

#[derive(Debug, Clone)]
struct Context {
    container: Place,
    place: Place,
    stands: Stands,
    key: Option<Name>,
    node: Option<ObjectId>,
    path: usize,
}

/// How a value stands in its container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Under a key of a dictionary.
    Entry,
    /// In an array.
    Item,
}

/// Keys under which a reference means the page, annotation, field or structure element itself: /P, /Pg, /Parent and /Obj of
/// annotations, structure elements and beads, /SE of an outline item, /T and /AN of actions.
const BACK_REFERENCES: [&str; 10] = ["P", "Pg", "Parent", "Obj", "Popup", "IRT", "SE", "T", "AN", "Page"];

struct Walk<'f, 'p, 'a> {
    facts: &'f Facts<'p, 'a>,
    /// Objects with a place of their own: pages, annotations, fields, the catalog.
    nodes: Nodes,
    work: Vec<(Context, Object, Object)>,
    seen: HashSet<(Place, Option<ObjectId>, u32, u32)>,
    /// Each path as its parent and its last segment.
    paths: Vec<(usize, String)>,
    found: Vec<Difference>,
    pairs_left: usize,
    values_left: usize,
    incomplete: bool,
}

impl Walk<'_, '_, '_> {
    fn context(&self, container: Place, place: Place, path: usize) -> Context {
        Context { container, place, stands: Stands::Entry, key: None, node: None, path }
    }

    fn path(&mut self, parent: usize, segment: String) -> usize {
        self.paths.push((parent, segment));
        self.paths.len() - 1
    }

    fn path_text(&self, mut path: usize) -> String {
        let mut segments = Vec::new();
        while let Some((parent, segment)) = self.paths.get(path).filter(|_| path != 0) {
            segments.push(segment.as_str());
            path = *parent;
            // A path deeper than this says nothing more; linked lists reach any depth.
            if segments.len() == 40 {
                segments.push("…");
                break;
            }
        }
        segments.reverse();
        let mut text = String::new();
        for segment in segments {
            if !text.is_empty() && !segment.starts_with('[') {
                text.push('/');
            }
            text.push_str(segment);
        }
        text
    }

    fn differ(&mut self, context: &Context, change: Change, old: Option<&Object>, new: Option<&Object>) {
        let values = [old, new].into_iter().flatten().map(Object::values).sum();
        match self.values_left.checked_sub(values) {
            Some(left) => self.values_left = left,
            // The verdict is given already: what is not kept changes nothing any more.
            None => return self.incomplete = true,
        }
        self.found.push(Difference {
            container: context.container,
            place: context.place,
            key: context.key.clone(),
            node: context.node,
            path: self.path_text(context.path),
            change,
            old: old.cloned(),
            new: new.cloned(),
        });
    }

    /// Compares two values that may be references or absent.
    fn value(&mut self, context: Context, old: Option<&Object>, new: Option<&Object>) {
        match (old, new) {
            (None, None) => {}
            (Some(Object::Ref(a)), Some(Object::Ref(b))) => self.references(context, *a, *b),
            (Some(old), Some(new)) if context.place == Place::BackReference => {
                if old != new {
                    self.differ(&context, Change::Changed, Some(old), Some(new));
                }
            }
            (Some(old), Some(new)) if matches!(old, Object::Ref(_)) || matches!(new, Object::Ref(_)) => {
                self.queue(context, old.clone(), new.clone());
            }
            (Some(old), Some(new)) => self.contents(context, old, new),
            (None, Some(new)) => self.one_sided(context, Object::Null, new.clone()),
            (Some(old), None) => self.one_sided(context, old.clone(), Object::Null),
        }
    }

    fn references(&mut self, mut context: Context, old: ObjectId, new: ObjectId) {
        let own_place = matches!(context.place, Place::Catalog | Place::PageTree | Place::Page)
            || matches!(context.place, Place::Field | Place::Annotation | Place::Structure);
        if !own_place && self.refers_back(&context, old) {
            context.place = Place::BackReference;
        }
        let replaced_form = context.container == Place::ResourceForms && self.facts.is_new_object(new);
        if old.number != new.number && (context.place.keeps_identity() || replaced_form) {
            return self.differ(&context, Change::Changed, Some(&Object::Ref(old)), Some(&Object::Ref(new)));
        }
        let same = old.number == new.number && self.facts.reach.is_clean(old.number);
        if same || context.place == Place::BackReference {
            return;
        }
        if self.seen.insert((context.place, context.node, old.number, new.number)) {
            self.queue(context, Object::Ref(old), Object::Ref(new));
        }
    }

    /// Whether the reference only names an object that is compared at its own place. Not where it is drawn with, and not where a
    /// dictionary is expected that could be this one as well: a node of a name tree, an action.
    fn refers_back(&self, context: &Context, old: ObjectId) -> bool {
        if context.place == Place::BackReference || context.place.is_drawn() {
            return false;
        }
        match context.stands {
            Stands::Entry => {
                self.nodes.contains(old.number)
                    && context.key.as_ref().is_some_and(|key| BACK_REFERENCES.iter().any(|known| key.is(known)))
            }
            Stands::Item => self.nodes.plain.contains(&old.number),
        }
    }

    /// A list or dictionary that appears or disappears is compared with an empty one, so that its members are judged.
    fn one_sided(&mut self, context: Context, old: Object, new: Object) {
        let listed = matches!(context.place, Place::Annotations | Place::Fields);
        let merged = matches!(context.place, Place::AcroForm | Place::DefaultResources);
        if listed || merged {
            let empty = if listed { Object::Array(Vec::new()) } else { Object::Dict(Dict::new()) };
            let or_empty = |object: Object| if object.is_null() { empty.clone() } else { object };
            return self.queue(context, or_empty(old), or_empty(new));
        }
        let change = if old.is_null() { Change::Added } else { Change::Removed };
        let present = |object: Object| (!object.is_null()).then_some(object);
        let (old, new) = (present(old), present(new));
        self.differ(&context, change, old.as_ref(), new.as_ref());
    }

    fn queue(&mut self, context: Context, old: Object, new: Object) {
        match self.pairs_left.checked_sub(1) {
            Some(left) => {
                self.pairs_left = left;
                self.work.push((context, old, new));
            }
            None => self.incomplete = true,
        }
    }

    /// Resolves both sides and compares what they hold.
    fn pair(&mut self, mut context: Context, old: &Object, new: &Object) {
        let (Ok(a), Ok(b)) = (self.facts.old.resolve(old), self.facts.new.resolve(new)) else {
            return self.differ(&context, Change::Unreadable, Some(old), Some(new));
        };
        match (a.is_null(), b.is_null()) {
            (true, true) => return,
            (true, false) => return self.differ(&context, Change::Added, None, Some(new)),
            (false, true) => return self.differ(&context, Change::Removed, Some(old), None),
            (false, false) => {}
        }
        if context.place == Place::PageTree && a.as_dict().is_some_and(|dict| !dict.contains("Kids")) {
            context.place = Place::Page;
        }
        self.contents(context, &a, &b);
    }

    fn contents(&mut self, context: Context, old: &Object, new: &Object) {
        match (old, new) {
            (Object::Dict(a), Object::Dict(b)) => self.dicts(&context, a, b),
            (Object::Stream(a), Object::Stream(b)) => self.streams(&context, a, b),
            (Object::Array(a), Object::Array(b)) => self.arrays(&context, a, b),
            (a, Object::Array(b)) if context.place == Place::Structure => {
                self.supersequence(&context, std::slice::from_ref(a), b);
            }
            _ if old == new => {}
            _ => self.differ(&context, Change::Changed, Some(old), Some(new)),
        }
    }

    fn streams(&mut self, context: &Context, old: &Stream, new: &Stream) {
        self.dicts(context, &old.dict, &new.dict);
        let same = old.data == new.data
            || match (self.facts.old.decrypted(old), self.facts.new.decrypted(new)) {
                (Ok(old), Ok(new)) => old == new,
                // What cannot be read cannot be told unchanged.
                _ => false,
            };
        if !same {
            let path = self.path(context.path, "(stream data)".into());
            let context = Context { path, ..context.clone() };
            self.differ(&context, Change::Changed, None, None);
        }
    }

    fn dicts(&mut self, context: &Context, old: &Dict, new: &Dict) {
        if self.repeats_otherwise(old, new) {
            let key = new.duplicate_keys().first().cloned();
            self.differ(&Context { key, ..context.clone() }, Change::Repeated, None, None);
        }
        // Of a key that stands there twice the last value counts.
        let mut before: HashMap<&Name, &Object> = old.iter().filter(|(_, value)| !value.is_null()).collect();
        let mut after: HashMap<&Name, &Object> = new.iter().filter(|(_, value)| !value.is_null()).collect();
        for (key, _) in new.iter() {
            let Some(value) = after.remove(key) else { continue };
            let child = self.child(context, key, old);
            self.value(child, before.remove(key), Some(value));
        }
        for (key, value) in old.iter().filter(|(key, _)| before.contains_key(key)) {
            let child = self.child(context, key, old);
            self.value(child, Some(value), None);
        }
    }

    /// Whether keys stand twice that did not, or what readers that take another of their values see has changed.
    fn repeats_otherwise(&self, old: &Dict, new: &Dict) -> bool {
        let repeated = old.duplicate_keys();
        if repeated.is_empty() && new.duplicate_keys().is_empty() {
            return false;
        }
        let values = |dict: &Dict| -> Vec<(Name, Object)> {
            dict.iter().filter(|(key, _)| repeated.contains(key)).map(|(k, v)| (k.clone(), v.clone())).collect()
        };
        let (before, now) = (values(old), values(new));
        let changed_below =
            |object: &Object| object.references().iter().any(|id| !self.facts.reach.is_clean(id.number));
        new.duplicate_keys() != repeated || before != now || now.iter().any(|(_, value)| changed_below(value))
    }

    fn child(&mut self, context: &Context, key: &Name, dict: &Dict) -> Context {
        Context {
            container: context.place,
            place: context.place.step(key, dict),
            stands: Stands::Entry,
            key: Some(key.clone()),
            node: context.node,
            path: self.path(context.path, key.to_string()),
        }
    }

    fn arrays(&mut self, context: &Context, old: &[Object], new: &[Object]) {
        match context.place {
            Place::Annotations | Place::Fields => self.members(context, old, new),
            Place::Structure if context.key.as_ref().is_some_and(|key| key.is("Nums")) => {
                self.numbers(context, old, new)
            }
            Place::Structure => self.supersequence(context, old, new),
            _ if old.len() != new.len() => {
                let (old, new) = (Object::Array(old.to_vec()), Object::Array(new.to_vec()));
                self.differ(context, Change::Changed, Some(&old), Some(&new));
            }
            _ => {
                for (at, (a, b)) in old.iter().zip(new).enumerate() {
                    let item = self.item(context, at);
                    self.value(item, Some(a), Some(b));
                }
            }
        }
    }

    fn item(&mut self, context: &Context, index: usize) -> Context {
        let path = self.path(context.path, format!("[{index}]"));
        Context { container: context.place, stands: Stands::Item, path, ..context.clone() }
    }

    /// Annotations or fields: which went, which came, and which stayed in which order.
    fn members(&mut self, context: &Context, old: &[Object], new: &[Object]) {
        let direct = |items: &[Object]| -> Vec<Object> {
            items.iter().filter(|item| item.as_ref_id().is_none() && !item.is_null()).cloned().collect()
        };
        if direct(old) != direct(new) {
            self.differ(context, Change::Changed, None, None);
        }
        let numbers = |items: &[Object]| items.iter().filter_map(Object::as_ref_id).collect::<Vec<_>>();
        let (before, after) = (numbers(old), numbers(new));
        let set = |ids: &[ObjectId]| ids.iter().map(|id| id.number).collect::<HashSet<u32>>();
        let (in_old, in_new) = (set(&before), set(&after));
        let stayed = |ids: &[ObjectId], other: &HashSet<u32>| -> Vec<u32> {
            ids.iter().map(|id| id.number).filter(|number| other.contains(number)).collect()
        };
        if stayed(&before, &in_new) != stayed(&after, &in_old) {
            self.differ(context, Change::Reordered, None, None);
        }
        for id in before.iter().filter(|id| !in_new.contains(&id.number)) {
            let gone = Context { node: Some(*id), ..context.clone() };
            self.differ(&gone, Change::Removed, Some(&Object::Ref(*id)), None);
        }
        for (at, id) in after.iter().enumerate() {
            let item =
                Context { node: Some(*id), place: self.member_place(context.place, *id), ..self.item(context, at) };
            if in_old.contains(&id.number) {
                self.references(item, *id, *id);
            } else {
                self.differ(&item, Change::Added, None, Some(&Object::Ref(*id)));
            }
        }
    }

    fn member_place(&self, list: Place, id: ObjectId) -> Place {
        if list == Place::Fields || self.facts.is_widget(id) { Place::Field } else { Place::Annotation }
    }

    /// A number tree's leaf: pairs of number and value (§7.9.7).
    fn numbers(&mut self, context: &Context, old: &[Object], new: &[Object]) {
        let pairs = |items: &[Object]| -> HashMap<Option<i64>, Object> {
            items.chunks_exact(2).filter_map(|pair| Some((pair.first()?.as_integer(), pair.last()?.clone()))).collect()
        };
        let (mut before, after) = (pairs(old), pairs(new));
        if after.len() * 2 != new.len() || before.len() * 2 != old.len() {
            return self.supersequence(context, old, new);
        }
        for (number, value) in &after {
            let path = self.path(context.path, format!("[{}]", number.unwrap_or(-1)));
            let place = Context { container: context.place, path, ..context.clone() };
            self.value(place, before.remove(number).as_ref(), Some(value));
        }
        for value in before.values() {
            self.differ(context, Change::Removed, Some(value), None);
        }
    }

    /// Lists that may grow anywhere but lose nothing.
    fn supersequence(&mut self, context: &Context, old: &[Object], new: &[Object]) {
        let mut before = old.iter().peekable();
        for (at, item) in new.iter().enumerate() {
            let place = self.item(context, at);
            if before.peek().is_some_and(|expected| *expected == item) {
                before.next();
                self.value(place, Some(item), Some(item));
            } else {
                self.differ(&place, Change::Added, None, Some(item));
            }
        }
        if let Some(missing) = before.next() {
            self.differ(context, Change::Removed, Some(missing), None);
        }
    }
}

/// Objects of the signed revision that are compared at a place of their own, wherever else they are referred to.
/// Streams are never among them: a viewer may draw a stream wherever it is referred to.
struct Nodes {
    /// Pages, annotations, fields, the catalog.
    plain: HashSet<u32>,
    /// Elements of the structure tree: dictionaries that may gain /K, /Kids, /Names and /Nums.
    elements: HashSet<u32>,
}

impl Nodes {
    fn contains(&self, number: u32) -> bool {
        self.plain.contains(&number) || self.elements.contains(&number)
    }
}

fn nodes(facts: &Facts<'_, '_>) -> Nodes {
    let mut plain: HashSet<u32> = facts.forms.signed_nodes().collect();
    plain.extend(facts.old.trailer().get("Root").and_then(Object::as_ref_id).map(|id| id.number));
    descend(facts.old, "Pages", &["Kids", "Annots"], &mut plain, |_| true);
    // An element of the structure tree has /Type /StructElem or none; a font or other resource has its own.
    let mut elements = HashSet::new();
    descend(facts.old, "StructTreeRoot", &["K"], &mut elements, |dict| {
        !dict.contains("Type") || dict.is_type("StructElem") || dict.is_type("StructTreeRoot")
    });
    for list in [&mut plain, &mut elements] {
        list.retain(|number| {
            facts.old.get(ObjectId::new(*number, 0)).is_ok_and(|object| matches!(*object, Object::Dict(_)))
        });
    }
    Nodes { plain, elements }
}

/// Adds the tree below a catalog entry, following `lists`.
fn descend(pdf: &Pdf<'_>, root: &str, lists: &[&str], nodes: &mut HashSet<u32>, member: impl Fn(&Dict) -> bool) {
    let mut work = Vec::from_iter(catalog_entry(pdf, root));
    while let Some(id) = work.pop() {
        let Ok(node) = pdf.get(id) else { continue };
        let Some(dict) = node.as_dict().filter(|dict| member(dict)) else { continue };
        if nodes.len() > pdf.limits().objects || !nodes.insert(id.number) {
            continue;
        }
        for list in lists {
            match pdf.value(dict, list).ok().flatten().as_deref() {
                Some(Object::Array(items)) => work.extend(items.iter().filter_map(Object::as_ref_id)),
                _ => work.extend(dict.get(list).and_then(Object::as_ref_id)),
            }
        }
    }
}

fn catalog_entry(pdf: &Pdf<'_>, key: &str) -> Option<ObjectId> {
    pdf.catalog().ok()?.as_dict()?.get(key)?.as_ref_id()
}
