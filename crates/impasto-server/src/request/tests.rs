use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::problem::{Outcome, Problem};

/// Has every file whose id begins as one, each of them with a code, one collection and no models.
struct Everything;

impl Shelf for Everything {
    fn picture(&self, id: &str) -> Outcome<PathBuf> {
        if id.starts_with("f_") {
            Ok(format!("/data/files/{id}/a.png").into())
        } else {
            Err(Problem::not_found("file"))
        }
    }

    fn code(&self, id: &str) -> Outcome<PathBuf> {
        Ok(self.picture(id)?.with_file_name("code.safetensors"))
    }

    fn model(&self, _: &str) -> Outcome<PathBuf> {
        Err(Problem::not_found("model"))
    }

    fn artists(&self, _: &str) -> Outcome<Vec<String>> {
        Err(Problem::not_found("model"))
    }

    fn directions(&self, model: &str) -> PathBuf {
        format!("/data/directions/{model}.safetensors").into()
    }

    fn collection(&self, id: &str) -> Outcome<()> {
        if id == "c_1" { Ok(()) } else { Err(Problem::validation("There is no collection.")) }
    }
}

fn check(request: Value) -> Result<(), String> {
    let request: Request = serde_json::from_value(request).map_err(|e| e.to_string())?;
    request.validate(&Everything).map_err(|problem| problem.detail)
}

#[test]
fn what_cannot_be_done_is_refused_with_its_reason() {
    let stylize = |change: Value| {
        let mut request = json!({"kind": "stylize", "content": "f_1", "styles": [{"name": "great-wave"}]});
        request.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        request
    };
    for accepted in [
        stylize(json!({})),
        stylize(json!({"styles": [{"file": "f_2", "weight": 0.3}, {"artist": "monet", "layers": ["fine"]}]})),
        stylize(
            json!({"styles": [{"file": "f_2"}], "method": "gatys", "settings": {"steps": 5, "levels": null}, "mask": "f_3", "feather": 4}),
        ),
        stylize(json!({"styles": [{"name": "great-wave"}, {"artist": "monet"}]})),
        stylize(json!({"preserve_color": "luma", "adjust": {"hue": 20}, "output": {"format": "tiff"}})),
        json!({"kind": "adjust", "content": "f_1", "adjust": {"contrast": 1.5}}),
        json!({"kind": "generate", "model": "garments", "seeds": [1, 2], "trunc": 0.7, "classes": [{"class": "dress"}]}),
        json!({"kind": "generate", "model": "icons", "codes": ["f_1"], "mix": {"seed": 3, "layers": [1]}}),
        json!({"kind": "evolve", "model": "icons", "codes": ["f_1"], "seeds": [4], "children": 6, "child": 5}),
        json!({"kind": "walk", "model": "icons", "seeds": [1, 2], "space": "latent", "ease": "linear"}),
        json!({"kind": "project", "model": "icons", "content": "f_1", "steps": 20}),
        json!({"kind": "directions", "model": "icons", "methods": ["pca", "closed"]}),
        json!({"kind": "train", "what": "gan", "sources": {"data": ["c_1"]}, "settings": {"steps": 20}, "size": [32, 32]}),
        json!({"kind": "train", "what": "artist", "sources": {"photos": ["c_1"], "paintings": ["c_1", "c_1"]},
            "preset": "quick", "settings": {"content_weight": 0.5}}),
        json!({"kind": "train", "what": "pix2pix", "sources": {"pairs": ["c_1"]}, "minutes": 5, "preview_every": 5}),
    ] {
        check(accepted.clone()).unwrap_or_else(|why| panic!("{accepted}: {why}"));
    }
    for (refused, why) in [
        (json!({"kind": "paint"}), "unknown variant"),
        (stylize(json!({"colour": 1})), "unknown field"),
        (stylize(json!({"content": null})), "content is missing"),
        (stylize(json!({"content": "../../etc/passwd"})), "is no file's id"),
        (stylize(json!({"content": "j_1"})), "no such file"),
        (stylize(json!({"styles": []})), "give 1 to 8"),
        (stylize(json!({"styles": [{"name": "/etc/passwd"}]})), "no style"),
        (stylize(json!({"styles": [{"name": "great-wave", "file": "f_1"}]})), "exactly one"),
        (stylize(json!({"styles": [{"name": "great-wave", "layers": ["fine"]}]})), "only an artist"),
        (stylize(json!({"styles": [{"artist": "nobody"}]})), "no artist"),
        (stylize(json!({"styles": [{"missing": "mona.jpg"}]})), "upload it"),
        (stylize(json!({"styles": [{"name": "great-wave", "weight": -1}]})), "weight is -1"),
        (stylize(json!({"styles": [{"name": "great-wave", "weight": 0}]})), "sum to zero"),
        (stylize(json!({"method": "refine"})), "nothing that refine could paint in"),
        (stylize(json!({"styles": [{"artist": "monet"}], "method": "fusion"})), "does not know monet"),
        (stylize(json!({"method": "gaty"})), "no method 'gaty'"),
        (stylize(json!({"method": "cut"})), "needs weights"),
        (stylize(json!({"method": "microast"})), "needs weights"),
        (stylize(json!({"settings": {"steps": 5}})), "has no setting 'steps'"),
        (stylize(json!({"styles": [{"file": "f_2"}], "method": "gatys", "settings": {"stepz": 5}})), "stepz"),
        (stylize(json!({"strength": 1.5})), "strength is 1.5"),
        (stylize(json!({"size": 4})), "size is 4"),
        (stylize(json!({"adjust": {"contrast": 9}})), "contrast is 9"),
        (stylize(json!({"output": {"jpeg_quality": 0}})), "jpeg_quality is 0"),
        (stylize(json!({"output": {"format": "gif"}})), "unknown variant"),
        (json!({"kind": "generate", "model": "/etc/passwd", "seeds": [1]}), "no generator"),
        (json!({"kind": "generate", "model": "icons", "seeds": []}), "the number of pictures is 0"),
        (json!({"kind": "generate", "model": "icons", "seeds": [1], "trunc": 9}), "trunc is 9"),
        (json!({"kind": "generate", "model": "icons", "seeds": [9_007_199_254_740_992_u64]}), "2^53"),
        (json!({"kind": "generate", "model": "icons", "codes": ["x_1"]}), "no such file"),
        (json!({"kind": "generate", "model": "icons", "seeds": [1], "mix": {"layers": [1]}}), "exactly one"),
        (
            json!({"kind": "generate", "model": "icons", "seeds": [1], "moves": [{"direction": "a", "amount": 1}]}),
            "no directions yet",
        ),
        (json!({"kind": "evolve", "model": "icons", "children": 1}), "children is 1"),
        (json!({"kind": "evolve", "model": "icons", "child": 12}), "child is 12"),
        (json!({"kind": "walk", "model": "icons", "seeds": [1]}), "number of stations is 1"),
        (json!({"kind": "walk", "model": "icons", "seeds": [1], "codes": ["f_1"], "space": "latent"}), "no latents"),
        (json!({"kind": "project", "model": "icons"}), "content is missing"),
        (json!({"kind": "directions", "model": "icons", "methods": ["code"]}), "methods are"),
        (json!({"kind": "translate", "model": "mine", "content": "f_1"}), "no translator 'mine'"),
        (stylize(json!({"model": "mine", "styles": [{"artist": "me"}]})), "no model 'mine'"),
        (json!({"kind": "train", "what": "percept", "sources": {}}), "no trainer"),
        (json!({"kind": "train", "what": "gan", "sources": {"pictures": ["c_1"]}}), "no role 'pictures'"),
        (json!({"kind": "train", "what": "gan", "sources": {}}), "needs pictures"),
        (json!({"kind": "train", "what": "gan", "sources": {"data": ["c_2"]}}), "no collection"),
        (
            json!({"kind": "train", "what": "pix2pix", "sources": {"pairs": ["c_1"], "a": ["c_1"], "b": ["c_1"]}}),
            "needs pictures",
        ),
        (
            json!({"kind": "train", "what": "cut", "sources": {"a": ["c_1"], "b": ["c_1"]}, "settings": {"stepz": 1}}),
            "stepz",
        ),
        (
            json!({"kind": "train", "what": "cut", "sources": {"a": ["c_1"], "b": ["c_1"]}, "size": [32, 32]}),
            "only a generator",
        ),
        (
            json!({"kind": "train", "what": "artist", "sources": {"photos": ["c_1"], "paintings": ["c_1"]}, "preset": "slow"}),
            "no preset",
        ),
    ] {
        let said = check(refused.clone()).expect_err(&refused.to_string());
        assert!(said.contains(why), "{refused}: {said}");
    }
}

#[test]
fn recipes_are_read_from_what_impasto_writes() {
    let parameters = json!({
        "impasto": "0.1.0",
        "job": {
            "styles": ["great-wave", "mona.jpg:0.5", "artist:monet@fine"], "method": "artist", "settings": {},
            "strength": 0.8, "preserve_color": "luma", "mask": "mask.png", "invert_mask": true, "feather": 3.0,
            "size": 900, "adjust": serde_json::to_value(Adjustments { hue: 5.0, ..Adjustments::default() }).unwrap(),
            "seed": 7
        },
        "content": {"name": "photo.jpg", "blake3": "c"},
        "mask": {"name": "mask.png", "blake3": "m"},
        "styles": [{"name": "great-wave", "blake3": "g"}, {"name": "mona.jpg", "blake3": "s"}, {"name": "monet", "blake3": "a"}],
    });
    let here = |hash: &str| ["c", "m", "s"].contains(&hash).then(|| format!("f_{hash}"));
    let recipe = recipe(&parameters, &here).unwrap();
    assert_eq!(recipe.missing, Vec::<String>::new());
    let expected = json!({
        "kind": "stylize", "content": "f_c", "mask": "f_m", "invert_mask": true, "feather": 3.0, "size": 900,
        "styles": [{"name": "great-wave"}, {"file": "f_s", "weight": 0.5}, {"artist": "monet", "layers": ["fine"]}],
        "method": "artist", "strength": 0.8, "preserve_color": "luma", "adjust": {"hue": 5.0}, "seed": 7
    });
    assert_eq!(recipe.request, serde_json::from_value(expected).unwrap());
    recipe.request.validate(&Everything).unwrap();

    let nowhere = super::recipe(&parameters, &|_| None).unwrap();
    assert_eq!(nowhere.missing, ["mask.png", "mona.jpg", "photo.jpg"]);
    assert!(nowhere.request.validate(&Everything).is_err());
    for stranger in
        [json!(null), json!({"job": 3}), json!({"prompt": "a cat"}), json!({"job": {"styles": ["x"]}, "styles": 3})]
    {
        let read = super::recipe(&stranger, &|_| None);
        assert!(read.is_none_or(|recipe| recipe.request.validate(&Everything).is_err()), "{stranger}");
    }
}

#[test]
fn generated_pictures_have_recipes() {
    let parameters = json!({
        "generation": {"model": "garments", "trunc": 0.7, "classes": ["dress:0.5"], "mirror": true},
        "seed": 12, "model": {}
    });
    let recipe = recipe(&parameters, &|_| None).unwrap();
    let expected = json!({
        "kind": "generate", "model": "garments", "seeds": [12], "trunc": 0.7, "mirror": true,
        "classes": [{"class": "dress", "weight": 0.5}]
    });
    assert_eq!(recipe.request, serde_json::from_value(expected).unwrap());
    // What cannot be asked for here would come back as another picture.
    for (place, value) in [
        ("/generation/codes", json!(["c0=1.5"])),
        ("/generation/trunc_cutoff", json!(2)),
        ("/generation/noise", json!("none")),
        ("/generation/repeat", json!(3)),
        ("/generation/moves", json!(["d.safetensors:pca0=1"])),
        ("/generation/mix", json!("4@0")),
        ("/variation", json!(3)),
    ] {
        let mut other = parameters.clone();
        let (table, key) = place.rsplit_once('/').unwrap();
        other.pointer_mut(table).unwrap()[key] = value;
        assert_eq!(super::recipe(&other, &|_| None), None, "{place}");
    }
}
