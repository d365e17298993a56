//! Rules a signature breaks and reasons of the validation.

use super::Phrase;

pub(super) const TABLE: &[Phrase] = &[
    // the byte range
    ("/Contents is not a hexadecimal string in the file", "/Contents không phải chuỗi thập lục phân trong tệp"),
    ("a key stands there twice", "một khóa xuất hiện hai lần"),
    ("a number is negative", "có số âm"),
    ("a number is too large", "có số quá lớn"),
    ("a range is empty", "có khoảng trống rỗng"),
    ("certificates: {}", "số chứng thư không đọc được: {}"),
    ("it has not four numbers", "không có đủ bốn số"),
    ("it is missing", "thiếu"),
    ("it is not an array of integers", "không phải mảng số nguyên"),
    ("the first range does not begin at byte 0", "khoảng thứ nhất không bắt đầu từ byte 0"),
    ("the gap is not exactly /Contents", "khoảng chừa ra không đúng bằng /Contents"),
    ("the ranges overlap or are out of order", "các khoảng chồng lên nhau hoặc sai thứ tự"),
    ("the second range ends beyond the file", "khoảng thứ hai vượt ra ngoài tệp"),
    // paths and revocation
    ("{} bit", "{} bit"),
    ("no subject, serial {}", "không có tên chủ thể, số sê-ri {}"),
    ("version {}, {}", "phiên bản {}, {}"),
    (
        "its CRL has a critical extension that is not supported",
        "CRL có phần mở rộng bắt buộc không được hỗ trợ",
    ),
    ("its CRL is for another distribution point", "CRL dành cho điểm phân phối khác"),
    ("its CRL is for other certificates", "CRL dành cho các chứng thư khác"),
    ("its issuer is not known", "không biết tổ chức cấp"),
    ("its issuer may not sign CRLs", "tổ chức cấp không được phép ký CRL"),
    ("the CRL's issuer is not known", "không biết bên phát hành CRL"),
    ("the CRL's signature does not verify", "chữ ký trên CRL không hợp lệ"),
    ("too many signature checks", "phải kiểm tra quá nhiều chữ ký"),
    ("its CRL is out of date", "CRL đã quá hạn"),
    ("its CRL only lists changes", "CRL chỉ liệt kê thay đổi"),
    ("its CRL was made after the certificate expired", "CRL được lập sau khi chứng thư hết hiệu lực"),
    ("its CRLs leave out some reasons", "các CRL không bao gồm mọi lý do thu hồi"),
    ("no CRL or OCSP response of its issuer", "không có CRL hay phản hồi OCSP của tổ chức cấp"),
    ("its OCSP responder does not know it", "máy trả lời OCSP không biết chứng thư này"),
    (
        "its OCSP responder is not authorised by its issuer",
        "máy trả lời OCSP không được tổ chức cấp ủy quyền",
    ),
    (
        "its OCSP responder is not certified for OCSP signing",
        "chứng thư của máy trả lời OCSP không dùng để ký OCSP",
    ),
    ("its OCSP responder is revoked", "chứng thư của máy trả lời OCSP đã bị thu hồi"),
    (
        "its OCSP responder's certificate is not understood",
        "không đọc hiểu được chứng thư của máy trả lời OCSP",
    ),
    (
        "its OCSP responder's certificate was not valid when it answered",
        "chứng thư của máy trả lời OCSP không có hiệu lực khi trả lời",
    ),
    ("its OCSP responder's status is not known", "không biết trạng thái của máy trả lời OCSP"),
    ("its OCSP response contradicts itself", "phản hồi OCSP tự mâu thuẫn"),
    ("its OCSP response does not name it", "phản hồi OCSP không nói về chứng thư này"),
    (
        "its OCSP response has a critical extension that is not supported",
        "phản hồi OCSP có phần mở rộng bắt buộc không được hỗ trợ",
    ),
    ("its OCSP response is out of date", "phản hồi OCSP đã quá hạn"),
    (
        "its OCSP response was made after the certificate expired",
        "phản hồi OCSP được lập sau khi chứng thư hết hiệu lực",
    ),
    ("the OCSP response's signature does not verify", "chữ ký trên phản hồi OCSP không hợp lệ"),
    // levels and time-stamps
    ("B-T: no valid signature time-stamp", "B-T: không có dấu thời gian hợp lệ trên chữ ký"),
    (
        "no valid time-stamp over the validation material",
        "không có dấu thời gian hợp lệ trên dữ liệu kiểm tra",
    ),
    (
        "the time-stamp is younger than the certificate's end",
        "dấu thời gian được tạo sau khi chứng thư hết hiệu lực",
    ),
    ("genTime lies after the validation time", "thời điểm của dấu thời gian muộn hơn thời điểm kiểm tra"),
    // the baseline profiles
    ("/Cert shall not be present", "không được có /Cert"),
    ("/M shall be present", "phải có /M"),
    (
        "/Reason shall not be present beside a commitment type or policy",
        "không được có /Reason cùng với loại cam kết hoặc chính sách ký",
    ),
    ("/SubFilter shall be ETSI.CAdES.detached", "/SubFilter phải là ETSI.CAdES.detached"),
    ("signed attributes shall be present", "phải có thuộc tính được ký"),
    ("signing-certificate-v2 shall be present", "phải có signing-certificate-v2"),
    (
        "signing-certificate-v2 shall be used when the hash is not SHA-1",
        "phải dùng signing-certificate-v2 khi hàm băm không phải SHA-1",
    ),
    ("signing-time shall be present", "phải có signing-time"),
    ("the CMS shall be DER", "CMS phải được mã hóa DER"),
    ("the content type shall be id-data", "loại nội dung phải là id-data"),
    (
        "the signing certificate shall be in SignedData.certificates",
        "chứng thư ký phải nằm trong SignedData.certificates",
    ),
    ("{} shall not be present", "không được có {}"),
];
