# frozen_string_literal: true

require "ffi"
require_relative "version"

module Ocireg
  # The C functions, one line each, as ocireg.h declares them. Only the files that call these
  # know about pointers. Functions that may take long release Ruby's lock; the others are too short for that.
  # @api private
  module Native
    extend FFI::Library
    begin
      ffi_lib(ENV["OCIREG_LIB"] || ["libocireg.so.0.1", "ocireg"])
    rescue LoadError => e
      where = ENV["OCIREG_LIB"] ? "OCIREG_LIB names #{ENV["OCIREG_LIB"]}" : "install it, or set OCIREG_LIB to its path"
      raise LoadError, "the C library libocireg cannot be loaded: #{where} (#{e.message.lines.first&.chomp})"
    end

    # [[types], type]}. The tests hold it against the header. => The parameter and return types of every function: {name
    # => [[types], type]}. The tests compare it with the header.
    SIGNATURES = {} # rubocop:disable Style/MutableConstant

    # The letters below: p a pointer, s a string, z a size, i and l integers of 32 and 64 bits, d a double, b a boolean.
    TYPES = { "p" => :pointer, "s" => :string, "z" => :size_t, "i" => :int32, "l" => :int64, "d" => :double, "b" => :bool }.freeze

    def self.function(name, letters, result, blocking)
      name = :"ocireg_#{name}"
      types = letters.chars.map { |letter| TYPES.fetch(letter) }
      SIGNATURES[name] = [types, result].freeze
      attach_function(name, types, result, blocking: blocking)
    end

    # Functions that return a status: quick ones, and those that block.
    def self.quick(name, letters) = function(name, letters, :int32, false)
    def self.blocking(name, letters) = function(name, letters, :int32, true)

    private_class_method :function, :quick, :blocking

    function :status_name, "i", :string, false
    function :version, "", :string, false
    function :version_number, "", :uint32, false
    function :string_free, "p", :void, false
    function :buffer_data, "p", :pointer, false
    function :buffer_size, "p", :size_t, false
    function :buffer_free, "p", :void, false
    function :error_code, "p", :int32, false
    function :error_name, "p", :string, false
    function :error_message, "p", :string, false
    function :error_hint, "p", :string, false
    function :error_errno, "p", :int32, false
    function :error_http_status, "p", :int32, false
    function :error_json, "p", :string, false
    function :error_free, "p", :void, false
    # Ruby has a reader of JSON of its own; these are here for programs that look into a document of the library's without it.
    function :json_kind, "ps", :int32, false
    function :json_at, "ps", :pointer, false
    function :json_text, "ps", :string, false
    function :json_string, "psp", :string, false
    function :json_integer, "psl", :int64, false
    function :json_number, "psd", :double, false
    function :json_boolean, "psb", :bool, false
    function :json_size, "ps", :size_t, false
    function :json_item, "psz", :pointer, false
    function :json_key, "psz", :string, false
    function :json_free, "p", :void, false
    function :manifest_layer, "psz", :pointer, false
    # Jobs: calls in fibers of a scheduler.
    function :job_context, "p", :pointer, false
    function :job_userdata, "p", :pointer, false
    function :job_event_text, "p", :string, false
    function :job_progress, "ppp", :void, false
    function :job_status, "p", :int32, false
    function :job_error, "p", :pointer, false
    function :job_json, "p", :string, false
    function :job_bytes, "p", :pointer, false
    function :job_take_reader, "p", :pointer, false
    function :job_take_upload, "p", :pointer, false
    function :job_free, "p", :void, false
    function :options_free, "p", :void, false
    function :context_cancel_from_signal, "p", :void, false
    function :context_free, "p", :void, true
    function :client_free, "p", :void, true
    function :blob_reader_free, "p", :void, true
    function :upload_free, "p", :void, true
    function :artifact_free, "p", :void, true

    quick :json_parse, "spp"
    quick :json_parse_bytes, "pzpp"
    quick :json_dump, "pspp"
    quick :options_new, "pp"
    quick :options_set_string, "pssp"
    quick :options_set_int, "pslp"
    quick :options_set_double, "psdp"
    quick :options_set_bool, "psbp"
    quick :options_add_string, "pssp"
    quick :options_parse, "psp"

    quick :context_new, "pp"
    quick :context_cancel, "pp"
    quick :context_set_deadline, "plp"
    quick :context_progress, "ppp"
    quick :context_warnings, "ppp"
    quick :context_set_progress, "pppp"
    quick :context_set_blob_progress, "pppp"
    quick :context_set_log, "pppp"
    quick :context_set_within, "ppp"
    quick :context_set_credentials, "pppp"

    quick :job_new, "ppppp"
    quick :job_answer, "ppp"
    quick :job_cancel, "pp"
    quick :client_fd, "ppp"
    quick :client_next_event, "pppp"
    blocking :client_quiesce, "pp"

    blocking :client_new, "ppp"
    quick :client_set_host, "pspp"
    quick :client_close, "pp"

    quick :index_parse, "spp"
    quick :reference_parse, "sppp"
    quick :endpoint_parse, "spp"
    blocking :digest_bytes, "pzppp"
    blocking :manifest_inspect, "pzppp"
    blocking :manifest_build, "spppp"

    blocking :registry_ping, "ppsppp"
    blocking :registry_detect, "ppsppp"
    blocking :registry_catalog, "ppsppp"
    blocking :repository_tags, "ppsppp"
    blocking :repository_remove, "ppsppp"

    blocking :manifest_get, "ppspppp"
    blocking :manifest_head, "ppsppp"
    blocking :manifest_digest, "ppsppp"
    blocking :manifest_put, "ppspzppp"
    blocking :manifest_delete, "ppsppp"
    blocking :referrers, "ppsppp"
    blocking :tag_delete, "ppsppp"

    blocking :blob_head, "ppsppp"
    blocking :blob_get_file, "ppssppp"
    blocking :blob_get_fd, "ppsippp"
    blocking :blob_get_memory, "ppspppp"
    blocking :blob_open, "ppsppp"
    quick :blob_reader_info, "ppp"
    blocking :blob_reader_read, "ppzpp"
    blocking :blob_reader_close, "pp"
    blocking :blob_put_file, "ppssppp"
    blocking :blob_put_memory, "ppspzppp"
    blocking :blob_put_stream, "ppsppppp"
    blocking :blob_delete, "ppsppp"
    blocking :blob_copy, "ppssppp"
    blocking :blob_mount, "ppssppp"

    blocking :upload_start, "ppsppp"
    blocking :upload_write, "ppzp"
    blocking :upload_finish, "pspp"
    blocking :upload_save, "ppp"
    blocking :upload_cancel, "pp"
    blocking :upload_session_start, "ppsppp"
    blocking :upload_session_status, "ppsppp"
    blocking :upload_session_chunk, "ppspzppp"
    blocking :upload_session_finish, "ppsspzppp"
    blocking :upload_session_cancel, "ppspp"

    blocking :copy, "ppssppp"
    blocking :sync, "ppssppp"
    blocking :sync_list, "ppssppp"
    blocking :endpoint_manifest, "ppspppp"
    blocking :endpoint_list, "ppsppp"
    blocking :endpoint_referrers, "ppsppp"
    blocking :layout_check, "ppsppp"
    blocking :layout_clean, "ppsppp"

    quick :artifact_new, "pp"
    quick :artifact_add_file, "pspp"
    quick :artifact_add_memory, "ppzpp"
    blocking :artifact_add_stream, "ppppp"
    blocking :artifact_push, "pppsppp"
    blocking :artifact_attach, "pppsppp"
    blocking :artifact_pull, "ppssppp"

    blocking :index_create, "ppsppp"
    blocking :index_append, "ppsppp"
    blocking :index_remove, "ppsppp"

    blocking :image_config, "ppspppp"
    blocking :image_size, "ppsppp"
    blocking :image_validate, "ppsppp"
    blocking :image_tag, "ppssppp"
    blocking :image_append, "ppsppp"
    blocking :image_extract, "ppssppp"
    blocking :image_export_file, "ppssppp"
    blocking :image_export_fd, "ppsippp"
    blocking :image_export_stream, "ppsppppp"
    blocking :image_files, "ppsppp"
    blocking :image_cat, "ppssippp"

    blocking :schema1_verify, "pzppp"
    blocking :schema1_payload, "pzpp"
    blocking :schema1_sign, "pzsppp"
    blocking :schema1_key, "ppp"
    quick :schema1_key_info, "spp"

    blocking :login, "ppsppp"
    blocking :logout, "ppsppp"
    blocking :explain, "ppsppp"
    blocking :token, "ppsppp"
    blocking :blob_locate, "ppsppp"
    blocking :manifest_locate, "ppsppp"

    blocking :v1_ping, "ppsppp"
    blocking :v1_search, "ppssppp"
    blocking :v1_images, "ppsppp"
    blocking :v1_tags, "ppsppp"
    blocking :v1_tag, "ppsppp"
    blocking :v1_ancestry, "ppssppp"
    blocking :v1_image, "ppsspppp"
    blocking :v1_layer_file, "ppsssppp"
    blocking :v1_layer_fd, "ppssippp"
    blocking :v1_layer_memory, "ppsspppp"
    blocking :v1_layer_open, "ppssppp"
    blocking :v1_login, "ppsppp"
    blocking :v1_put_image, "ppspzppp"
    blocking :v1_put_layer, "ppspzpzppp"
    blocking :v1_put_layer_file, "ppspzsppp"
    blocking :v1_put_checksum, "ppsssppp"
    blocking :v1_push, "ppssppp"
    blocking :v1_put_tag, "ppssppp"
    blocking :v1_delete_tag, "ppsppp"
    blocking :v1_delete_repository, "ppsppp"

    wanted = VERSION.split(".").first(2).map(&:to_i)
    number = ocireg_version_number
    unless [number >> 16, (number >> 8) & 0xff] == wanted
      raise LoadError, "ocireg #{VERSION} needs the library of the same version, and found #{ocireg_version}"
    end
  end
end
