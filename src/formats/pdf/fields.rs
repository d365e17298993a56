//! The AcroForm field tree (ISO 32000-1 §12.7.2, §12.7.3).

use std::collections::HashSet;

use super::PdfError;
use super::object::{Dict, Object, ObjectId};
use super::permissions::{DocMdpPermission, FieldLock};
use super::reader::Pdf;
use super::text;

/// One form field: a node of the tree that has a partial name or a type.
#[derive(Debug, Clone)]
pub struct Field {
    /// Fully qualified name: the partial names of all ancestors and its own, joined by periods (§12.7.3.2).
    pub name: String,
    /// The field's object; `None` for a field written directly into an array.
    pub id: Option<ObjectId>,
    pub dict: Dict,
    /// /FT, own or inherited: `Tx`, `Btn`, `Ch` or `Sig`.
    pub field_type: Option<String>,
    /// /V, own or inherited, unresolved.
    pub value: Option<Object>,
    /// Widget annotations: the field itself when merged, or its nameless kids.
    pub widgets: Vec<ObjectId>,
}

impl Field {
    pub fn is_signature(&self) -> bool {
        self.field_type.as_deref() == Some("Sig")
    }

    /// The field's /Lock: which fields it locks when signed, and /P of PDF 2.0.
    ///
    /// # Errors
    /// [`PdfError`] when the dictionary cannot be read.
    pub fn lock(&self, pdf: &Pdf<'_>) -> Result<Option<(FieldLock, Option<DocMdpPermission>)>, PdfError> {
        let Some(lock) = pdf.value(&self.dict, "Lock")? else { return Ok(None) };
        let Some(lock) = lock.as_dict() else { return Ok(None) };
        let permission = match pdf.value(lock, "P")?.and_then(|p| p.as_integer()) {
            None => None,
            Some(2) => Some(DocMdpPermission::FormFilling),
            Some(3) => Some(DocMdpPermission::Annotating),
            Some(_) => Some(DocMdpPermission::NoChanges),
        };
        Ok(Some((FieldLock::read(pdf, lock)?, permission)))
    }
}

/// The AcroForm dictionary, resolved, with its object when it is indirect.
///
/// # Errors
/// [`PdfError`] when catalog or form cannot be read.
pub fn acro_form(pdf: &Pdf<'_>) -> Result<Option<(Option<ObjectId>, Dict)>, PdfError> {
    let catalog = pdf.catalog()?;
    let form = pdf.value(catalog.as_dict().unwrap_or(Dict::empty()), "AcroForm")?;
    Ok(form.and_then(|form| Some((form.id(), form.as_dict()?.clone()))))
}

/// True when the form is drawn from its XFA part alone (ISO 32000-1 §12.7.8): there are no PDF fields but signatures, and
/// the pages are a placeholder ("please wait"). A signature covers such a file like any other; who shows it to somebody
/// who is to sign must say that these pages are not what an XFA viewer shows.
///
/// # Errors
/// As [`fields`].
pub fn needs_xfa(pdf: &Pdf<'_>) -> Result<bool, PdfError> {
    let has_xfa = acro_form(pdf)?.is_some_and(|(_, form)| form.contains("XFA"));
    Ok(has_xfa && fields(pdf)?.iter().all(Field::is_signature))
}

/// All fields, parents before children, in the order of the tree. Fields met a second time are left out.
///
/// # Errors
/// [`PdfError::TooLarge`] beyond the limits for fields and depth, or what reading an object gives.
pub fn fields(pdf: &Pdf<'_>) -> Result<Vec<Field>, PdfError> {
    let Some((_, form)) = acro_form(pdf)? else { return Ok(Vec::new()) };
    let roots = pdf.value(&form, "Fields")?;
    let mut walk = Walk { pdf, fields: Vec::new(), seen: HashSet::new(), stack: Vec::new(), nodes: 0 };
    walk.push(roots.as_deref().and_then(Object::as_array).unwrap_or_default(), &Inherited::default(), None);
    while let Some(node) = walk.stack.pop() {
        walk.visit(node)?;
    }
    Ok(walk.fields)
}

#[derive(Clone, Default)]
struct Inherited {
    name: String,
    field_type: Option<String>,
    value: Option<Object>,
    depth: usize,
}

struct Node {
    object: Object,
    inherited: Inherited,
    /// Index of the field whose kid this is.
    parent: Option<usize>,
}

struct Walk<'p, 'a> {
    pdf: &'p Pdf<'a>,
    fields: Vec<Field>,
    seen: HashSet<ObjectId>,
    stack: Vec<Node>,
    nodes: usize,
}

impl Walk<'_, '_> {
    fn push(&mut self, items: &[Object], inherited: &Inherited, parent: Option<usize>) {
        let nodes = items.iter().rev();
        self.stack.extend(nodes.map(|item| Node { object: item.clone(), inherited: inherited.clone(), parent }));
    }

    fn visit(&mut self, node: Node) -> Result<(), PdfError> {
        self.nodes += 1;
        if self.nodes > self.pdf.limits().fields || node.inherited.depth > self.pdf.limits().tree_depth {
            return Err(PdfError::too_large("form fields", self.pdf.limits().fields));
        }
        let resolved = self.pdf.resolve(&node.object)?;
        let id = resolved.id();
        if id.is_some_and(|id| !self.seen.insert(id)) {
            return Ok(());
        }
        let Some(dict) = resolved.as_dict() else { return Ok(()) };
        if let (None, Some(parent)) = (dict.get("T"), node.parent) {
            if let (Some(field), Some(id)) = (self.fields.get_mut(parent), id) {
                field.widgets.push(id);
            }
            return Ok(());
        }
        self.field(dict, id, node.inherited)
    }

    fn field(&mut self, dict: &Dict, id: Option<ObjectId>, above: Inherited) -> Result<(), PdfError> {
        let partial = self.pdf.value(dict, "T")?.and_then(|t| t.as_string().map(|t| text::decode(&t.bytes)));
        let name = match (above.name.is_empty(), partial) {
            (_, None) => above.name,
            (true, Some(own)) => own,
            (false, Some(own)) => format!("{}.{own}", above.name),
        };
        let own_type = self.pdf.value(dict, "FT")?.and_then(|t| t.as_name().map(ToString::to_string));
        let inherited = Inherited {
            name,
            field_type: own_type.or(above.field_type),
            value: dict.get("V").cloned().or(above.value),
            depth: above.depth + 1,
        };
        let kids = self.pdf.value(dict, "Kids")?;
        let merged = kids.is_none() || dict.get("Subtype").is_some_and(|s| s.is_name("Widget"));
        self.fields.push(Field {
            name: inherited.name.clone(),
            id,
            dict: dict.clone(),
            field_type: inherited.field_type.clone(),
            value: inherited.value.clone(),
            widgets: id.filter(|_| merged).into_iter().collect(),
        });
        let parent = Some(self.fields.len() - 1);
        self.push(kids.as_deref().and_then(Object::as_array).unwrap_or_default(), &inherited, parent);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pdf::Limits;
    use crate::formats::pdf::samples::Sample;

    fn form(fields: &str) -> Sample {
        Sample::new().object(1, &format!("<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[{fields}]>>>>"))
    }

    #[test]
    fn names_types_and_values_are_inherited_and_widgets_found() {
        let file = form("5 0 R")
            .object(5, "<</T(a)/FT/Tx/V(x)/Kids[6 0 R]>>")
            .object(6, "<</T(b)/Parent 5 0 R/Kids[7 0 R 8 0 R]>>")
            .object(7, "<</Subtype/Widget/Parent 6 0 R>>")
            .object(8, "<</Subtype/Widget/Parent 6 0 R>>")
            .finish();
        let fields = fields(&Pdf::open(&file, &Limits::default()).unwrap()).unwrap();
        assert_eq!(fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a", "a.b"]);
        assert_eq!(fields[1].field_type.as_deref(), Some("Tx"));
        assert_eq!(fields[1].value, Some(Object::String(crate::formats::pdf::PdfString::literal(*b"x"))));
        assert_eq!(fields[1].widgets.len(), 2);
    }

    #[test]
    fn field_that_is_its_own_kid_ends() {
        let file = form("5 0 R").object(5, "<</T(a)/FT/Sig/Kids[5 0 R]/Parent 5 0 R>>").finish();
        assert_eq!(fields(&Pdf::open(&file, &Limits::default()).unwrap()).unwrap().len(), 1);
    }

    #[test]
    fn fields_beyond_the_limit_are_refused() {
        let file = form("<</T(a)>> <</T(b)>> <</T(c)>>").finish();
        let limits = Limits { fields: 2, ..Limits::default() };
        let result = fields(&Pdf::open(&file, &limits).unwrap());
        assert_eq!(result.err(), Some(PdfError::too_large("form fields", 2)));
    }
}
